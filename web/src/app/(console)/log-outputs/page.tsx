import type { ReactNode } from 'react';
import { LogOutputsPage } from '../../../features/log-outputs/index.ts';

export default function Route(): ReactNode {
  return <LogOutputsPage />;
}
