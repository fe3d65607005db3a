import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { AccountPage } from '../../../features/account/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <AccountPage />
    </Suspense>
  );
}
