'use client';

import { ViewerDocument } from '@skyarc/sdk';
import type { ViewerQuery } from '@skyarc/sdk';
import { createContext, use } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import type { QueryState } from '../../../components/api.ts';

type Viewer = NonNullable<ViewerQuery['viewer']>;

export interface Session {
  readonly viewer: Viewer;
  readonly reload: () => Promise<void>;
}

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({
  session,
  children,
}: {
  readonly session: Session;
  readonly children: ReactNode;
}): ReactNode {
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** The person who is logged in. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('useSession outside of SessionGate');
  return session;
}

export function useViewerQuery(): QueryState<ViewerQuery> {
  return useQuery(ViewerDocument, {});
}
