import type { ReactNode } from 'react';
import { MessagesPage } from '../../../features/monitor/index.ts';

export default function Route(): ReactNode {
  return <MessagesPage />;
}
