import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { AppPage } from '../../../features/apps/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <AppPage />
    </Suspense>
  );
}
