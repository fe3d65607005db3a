import type { ReactNode } from 'react';
import { PluginsPage } from '../../../features/plugins/index.ts';

export default function Route(): ReactNode {
  return <PluginsPage />;
}
