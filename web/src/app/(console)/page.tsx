import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { OverviewPage } from '../../features/apps/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <OverviewPage />
    </Suspense>
  );
}
