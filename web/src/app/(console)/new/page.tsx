import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { NewAppPage } from '../../../features/apps/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <NewAppPage />
    </Suspense>
  );
}
