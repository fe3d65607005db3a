import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { ClaimPage } from '../../features/session/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <ClaimPage />
    </Suspense>
  );
}
