'use client';

import type { LogKind, SkyarcError } from '@skyarc/sdk';
import { useCallback, useEffect, useRef, useState } from 'react';
import { api, toError, useStream } from '../../../components/api.ts';
import { LogBuffer } from '../log-buffer.ts';
import type { LogGapRow } from '../log-buffer.ts';

export interface LogSource {
  readonly kind: LogKind;
  readonly id: string;
}

export interface FollowedLog {
  readonly buffer: LogBuffer;
  /** Changes when the buffer did, at most once a frame. */
  readonly revision: number;
  readonly error: SkyarcError | undefined;
  /** True when the server said that nothing more will come. */
  readonly ended: boolean;
  /** True until the first answer. */
  readonly waiting: boolean;
  readonly loadingOlder: boolean;
  /** Returns how many shown rows came in front. */
  readonly loadOlder: () => Promise<number>;
  readonly loadGap: (gap: LogGapRow) => Promise<void>;
  readonly redraw: () => void;
}

/** Follows a log into a buffer while mounted; lines that come in one frame are drawn together. */
export function useLog({ kind, id }: LogSource, tail: number): FollowedLog {
  const [buffer] = useState(() => new LogBuffer());
  const [revision, setRevision] = useState(0);
  const [error, setError] = useState<SkyarcError>();
  const [ended, setEnded] = useState(false);
  const [waiting, setWaiting] = useState(true);
  const [loadingOlder, setLoadingOlder] = useState(false);
  const frame = useRef(0);

  const redraw = useCallback(() => {
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0;
      setRevision(buffer.revision);
    });
  }, [buffer]);

  useEffect(() => {
    buffer.clear();
    setError(undefined);
    setEnded(false);
    setWaiting(true);
    return () => cancelAnimationFrame(frame.current);
  }, [buffer, kind, id]);

  useStream(`${kind} ${id}`, (signal) => api().logs.events({ kind, id }, { tail, signal }), {
    onItem: ({ lines, gap }) => {
      // The first answer holds `tail` lines when there are that many: older ones may exist then.
      if (buffer.size === 0 && lines.length >= tail) buffer.hasOlder = true;
      buffer.append(lines, gap);
      setWaiting(false);
      redraw();
    },
    onError: (failure) => {
      setError(failure);
      setWaiting(false);
    },
    onEnd: () => {
      setEnded(true);
      setWaiting(false);
    },
  });

  const loadOlder = useCallback(async () => {
    const before = buffer.oldest;
    setLoadingOlder(true);
    try {
      const page = await api().logs.read({ kind, id }, { last: 1_000, ...(before && { before }) });
      const added = buffer.prepend(page.lines, page.hasOlder);
      redraw();
      return added;
    } catch (cause) {
      setError(toError(cause));
      return 0;
    } finally {
      setLoadingOlder(false);
    }
  }, [buffer, kind, id, redraw]);

  const loadGap = useCallback(
    async (row: LogGapRow) => {
      try {
        const { lines } = await api().logs.read({ kind, id }, { last: 5_000, after: row.gap.from });
        const skipped = lines.filter(({ cursor }) => Number(cursor) <= Number(row.gap.to));
        buffer.fill(row, skipped);
        // A very long gap is filled piece by piece.
        const last = skipped.at(-1);
        if (last && skipped.length === lines.length && last.cursor !== row.gap.to)
          buffer.markGap(last, { from: last.cursor, to: row.gap.to });
        redraw();
      } catch (cause) {
        setError(toError(cause));
      }
    },
    [buffer, kind, id, redraw],
  );

  return { buffer, revision, error, ended, waiting, loadingOlder, loadOlder, loadGap, redraw };
}
