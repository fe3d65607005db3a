'use client';

import { createClient, SkyarcError } from '@skyarc/sdk';
import type { SkyarcClient, TypedDocument } from '@skyarc/sdk';
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';

let client: SkyarcClient | undefined;

/** The one client of this page, speaking to the server that the page came from. */
export function api(): SkyarcClient {
  client ??= createClient({ url: `${location.origin}/graphql`, retryAttempts: Number.POSITIVE_INFINITY });
  return client;
}

const strangerEvent = 'skyarc:stranger';

/** Calls the listener when the server says that nobody is logged in any more. */
export function onStranger(listener: () => void): () => void {
  window.addEventListener(strangerEvent, listener);
  return () => window.removeEventListener(strangerEvent, listener);
}

/** What was thrown as a SkyarcError; tells the page when the session has ended. */
export function toError(cause: unknown): SkyarcError {
  const error =
    cause instanceof SkyarcError
      ? cause
      : new SkyarcError('INTERNAL', cause instanceof Error ? cause.message : String(cause), { cause });
  if (error.code === 'UNAUTHENTICATED') window.dispatchEvent(new Event(strangerEvent));
  return error;
}

// Last answers, so that a page that was seen before shows at once and is brought up to date behind.
const answers = new Map<string, unknown>();

/** Forgets all answers: another person may log in. */
export function forgetAnswers(): void {
  answers.clear();
}

export interface QueryState<Result> {
  readonly data: Result | undefined;
  /** Why there is no data, or why a part of it is missing. */
  readonly error: SkyarcError | undefined;
  readonly loading: boolean;
  readonly reload: () => Promise<void>;
}

export interface QueryOptions {
  /** Ask again so often while the page is visible. */
  readonly refreshMs?: number;
  /** The variables move with the time: an answer stands until the next is there, and is not kept for later visits. */
  readonly moving?: boolean;
}

/** Calls the listener when the live connection is there again after it was lost. */
function onReconnected(listener: () => void): () => void {
  let lost = api().connectionState === 'lost';
  return api().onConnectionState((state) => {
    if (lost && state === 'connected') listener();
    lost = state === 'lost' || (lost && state !== 'connected');
  });
}

/** Asks when mounted, whenever the variables change and after an outage; null variables ask nothing. */
export function useQuery<Result, Variables>(
  document: TypedDocument<Result, Variables>,
  variables: Variables | null,
  { refreshMs, moving = false }: QueryOptions = {},
): QueryState<Result> {
  const key = variables === null ? null : `${document as unknown as string} ${JSON.stringify(variables)}`;
  const [state, setState] = useState<{ key: string | null; data?: Result; error?: SkyarcError }>({ key });
  const asked = useRef(0);

  const reload = useCallback(async () => {
    if (key === null || variables === null) return;
    const mine = (asked.current += 1);
    try {
      const answer = await api().execute(document, variables);
      if (mine !== asked.current) return;
      const [error] = answer.errors;
      if (error) toError(error);
      if (answer.data && !moving) answers.set(key, answer.data);
      setState({ key, ...(answer.data && { data: answer.data }), ...(error && { error }) });
    } catch (cause) {
      if (mine === asked.current) setState((old) => ({ ...old, key, error: toError(cause) }));
    }
    // The key stands for document and variables.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);

  useEffect(() => {
    void reload();
    if (!refreshMs) return;
    const timer = setInterval(() => {
      if (!window.document.hidden) void reload();
    }, refreshMs);
    return () => clearInterval(timer);
  }, [reload, refreshMs]);

  useEffect(() => onReconnected(() => void reload()), [reload]);

  const current = state.key === key || moving ? state : { key };
  const data = current.data ?? (key === null ? undefined : (answers.get(key) as Result | undefined));
  return { data, error: current.error, loading: !data && !current.error && key !== null, reload };
}

export interface ActionState<Arguments extends readonly unknown[], Result> {
  /** Does it; undefined when it failed, `error` then says why. */
  readonly run: (...given: Arguments) => Promise<Result | undefined>;
  readonly busy: boolean;
  readonly error: SkyarcError | undefined;
  readonly clear: () => void;
}

/** Something a person does: busy while it runs, its error kept beside what caused it. */
export function useAction<Arguments extends readonly unknown[], Result>(
  act: (...given: Arguments) => Promise<Result>,
): ActionState<Arguments, Result> {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<SkyarcError>();
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  const run = useCallback(async (...given: Arguments) => {
    setBusy(true);
    setError(undefined);
    try {
      return await latest.current(...given);
    } catch (cause) {
      setError(toError(cause));
      return undefined;
    } finally {
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setError(undefined), []);
  return { run, busy, error, clear };
}

/** The same action for a value that is turned into its argument first; `after` follows a success. */
export function adaptAction<Value, Argument, Result>(
  action: ActionState<readonly [Argument], Result>,
  toArgument: (value: Value) => Argument,
  after?: () => Promise<void>,
): ActionState<readonly [Value], Result> {
  const run = async (value: Value): Promise<Result | undefined> => {
    const result = await action.run(toArgument(value));
    if (result !== undefined) await after?.();
    return result;
  };
  return { ...action, run };
}

/** Follows a stream while mounted; `key` changes begin it anew, null follows nothing. */
export function useStream<Item>(
  key: string | null,
  open: (signal: AbortSignal) => AsyncIterable<Item>,
  handlers: {
    readonly onItem: (item: Item) => void;
    readonly onError?: (error: SkyarcError) => void;
    readonly onEnd?: () => void;
  },
): void {
  const latest = useRef({ open, handlers });
  useEffect(() => {
    latest.current = { open, handlers };
  });
  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    const { signal } = controller;
    void (async () => {
      try {
        for await (const item of latest.current.open(signal)) {
          if (signal.aborted) return;
          latest.current.handlers.onItem(item);
        }
        if (!signal.aborted) latest.current.handlers.onEnd?.();
      } catch (cause) {
        if (!signal.aborted) latest.current.handlers.onError?.(toError(cause));
      }
    })();
    return () => controller.abort();
  }, [key]);
}

const subscribeToConnection = (listener: () => void): (() => void) => api().onConnectionState(listener);

/** State of the live connection. */
export function useConnectionState(): SkyarcClient['connectionState'] {
  return useSyncExternalStore(
    subscribeToConnection,
    () => api().connectionState,
    () => 'idle',
  );
}
