import type { ReactNode } from 'react';
import { Shell } from '../../features/shell/index.ts';

export default function ConsoleLayout({ children }: { readonly children: ReactNode }): ReactNode {
  return <Shell>{children}</Shell>;
}
