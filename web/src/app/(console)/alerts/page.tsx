import type { ReactNode } from 'react';
import { AlertsPage } from '../../../features/monitor/index.ts';

export default function Route(): ReactNode {
  return <AlertsPage />;
}
