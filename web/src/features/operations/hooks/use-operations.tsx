'use client';

import { isFinal, TeamOperationsDocument } from '@skyarc/sdk';
import type { OperationFieldsFragment } from '@skyarc/sdk';
import { createContext, use, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { api, useQuery, useStream } from '../../../components/api.ts';
import type { QueryState } from '../../../components/api.ts';
import { useTeam } from '../../teams/index.ts';

type Operation = OperationFieldsFragment;

interface Operations {
  /** Newest first, brought up to date as they change. */
  readonly operations: readonly Operation[];
  readonly active: readonly Operation[];
  readonly state: QueryState<unknown>;
  readonly panelOpen: boolean;
  readonly setPanelOpen: (open: boolean) => void;
  /** Calls the listener at each change of an operation of the team. */
  readonly onChange: (listener: (operation: Operation) => void) => () => void;
  /** Shows at once what an action answered, before the stream tells of it. */
  readonly add: (operation: Operation) => void;
}

const OperationsContext = createContext<Operations | null>(null);
const shown = 60;

/** Follows all operations of the team; one stream for every page. */
export function OperationsProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const { team } = useTeam();
  const state = useQuery(TeamOperationsDocument, { name: team.name, first: shown }, { refreshMs: 30_000 });
  const [changed, setChanged] = useState<ReadonlyMap<string, Operation>>(new Map());
  const [panelOpen, setPanelOpen] = useState(false);
  const listeners = useRef(new Set<(operation: Operation) => void>());

  useEffect(() => setChanged(new Map()), [team.id]);

  const add = useCallback((operation: Operation) => {
    setChanged((old) => new Map(old).set(operation.id, operation));
    for (const listener of listeners.current) listener(operation);
  }, []);

  useStream(team.id, (signal) => api().operations.watchTeam(team.id, { signal }), { onItem: add });

  const onChange = useCallback((listener: (operation: Operation) => void) => {
    listeners.current.add(listener);
    return () => listeners.current.delete(listener);
  }, []);

  const operations = useMemo(() => merge(state.data?.team?.operations ?? [], changed), [state.data, changed]);
  const active = useMemo(() => operations.filter(({ status }) => !isFinal(status)), [operations]);
  const value = useMemo(
    () => ({ operations, active, state, panelOpen, setPanelOpen, onChange, add }),
    [operations, active, state, panelOpen, onChange, add],
  );
  return <OperationsContext value={value}>{children}</OperationsContext>;
}

// A final state never gives way to an unfinished one that was read before it.
function merge(read: readonly Operation[], changed: ReadonlyMap<string, Operation>): readonly Operation[] {
  const all = new Map(changed);
  for (const operation of read) {
    const live = all.get(operation.id);
    if (!live || (isFinal(operation.status) && !isFinal(live.status))) all.set(operation.id, operation);
  }
  return [...all.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, shown);
}

export function useOperations(): Operations {
  const operations = use(OperationsContext);
  if (!operations) throw new Error('useOperations outside of OperationsProvider');
  return operations;
}
