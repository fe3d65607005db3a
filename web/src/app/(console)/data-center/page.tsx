import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { DataCentersPage } from '../../../features/data-centers/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <DataCentersPage />
    </Suspense>
  );
}
