import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { MembersPage } from '../../../features/teams/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <MembersPage />
    </Suspense>
  );
}
