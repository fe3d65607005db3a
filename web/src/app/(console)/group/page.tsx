import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { GroupPage } from '../../../features/groups/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <GroupPage />
    </Suspense>
  );
}
