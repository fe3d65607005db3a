'use client';

import { AppDocument, SkyarcError } from '@skyarc/sdk';
import type { AppFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import { api, useQuery, useStream } from '../../../components/api.ts';

export interface LiveApp {
  readonly data: AppFieldsFragment | undefined;
  readonly error: SkyarcError | undefined;
  readonly reload: () => Promise<void>;
  /** True once it was deleted under our eyes. */
  readonly deleted: boolean;
}

/** An app, asked once and then followed. */
export function useLiveApp(id: string): LiveApp {
  const query = useQuery(AppDocument, { id });
  const [live, setLive] = useState<{ id: string; app?: AppFieldsFragment; deleted?: boolean }>({ id });
  const current = live.id === id ? live : { id };

  useStream(id, (signal) => api().apps.watch(id, { signal }), {
    onItem: (app) => setLive({ id, app }),
    onEnd: () => setLive((old) => ({ ...old, id, deleted: old.app !== undefined })),
  });

  const missing = query.data?.app === null && !current.app;
  return {
    data: current.app ?? query.data?.app ?? undefined,
    error: missing ? new SkyarcError('NOT_FOUND', `No app "${id}"`) : query.error,
    reload: query.reload,
    deleted: current.deleted ?? false,
  };
}
