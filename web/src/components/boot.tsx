import type { ReactNode } from 'react';
import { Logo } from './logo.tsx';

/** What stands there before anything is known. */
export function Boot(): ReactNode {
  return (
    <div className="boot">
      <Logo size={44} />
    </div>
  );
}
