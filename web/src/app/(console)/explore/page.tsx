import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { ExplorePage } from '../../../features/monitor/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <ExplorePage />
    </Suspense>
  );
}
