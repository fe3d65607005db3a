import { Suspense } from 'react';
import type { ReactNode } from 'react';
import { LoginPage } from '../../features/session/index.ts';

export default function Route(): ReactNode {
  return (
    <Suspense>
      <LoginPage />
    </Suspense>
  );
}
