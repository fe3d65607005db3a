'use client';

import { useCallback, useEffect, useRef, useState } from 'react';
import { indexAfter } from '../cast.ts';
import type { Cast, CastEvent } from '../cast.ts';
import type { Screen } from './use-xterm.ts';

export interface Playback {
  /** Seconds since the start. */
  readonly at: number;
  readonly isPlaying: boolean;
  readonly play: () => void;
  readonly pause: () => void;
  readonly seek: (seconds: number) => void;
}

/** Shows a recording on the screen: at any speed, from any moment. */
export function usePlayback(screen: Screen | null, cast: Cast | null, speed: number): Playback {
  const [at, setAt] = useState(0);
  const [isPlaying, setPlaying] = useState(false);
  /** The moment shown and the next event. */
  const head = useRef({ at: 0, next: 0 });

  const seek = useCallback(
    (seconds: number) => {
      if (!screen || !cast) return;
      const { xterm } = screen;
      const next = indexAfter(cast.events, seconds);
      const from = head.current;
      if (seconds < from.at) {
        xterm.reset();
        xterm.resize(cast.cols, cast.rows);
      }
      show(screen, cast.events.slice(seconds < from.at ? 0 : from.next, next));
      head.current = { at: seconds, next };
      setAt(seconds);
    },
    [screen, cast],
  );

  useEffect(() => {
    head.current = { at: Number.POSITIVE_INFINITY, next: 0 };
    seek(0);
    setPlaying(cast !== null && cast.events.length > 0);
  }, [seek, cast]);

  useEffect(() => {
    if (!isPlaying || !cast) return;
    let before = performance.now();
    let frame = requestAnimationFrame(function tick(now) {
      const to = head.current.at + ((now - before) / 1_000) * speed;
      before = now;
      if (to >= cast.duration) {
        seek(cast.duration);
        setPlaying(false);
        return;
      }
      seek(Math.max(0, to));
      frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [isPlaying, cast, speed, seek]);

  const play = useCallback(() => {
    if (cast && head.current.at >= cast.duration) seek(0);
    setPlaying(true);
  }, [cast, seek]);
  return { at, isPlaying, play, pause: () => setPlaying(false), seek };
}

function show({ xterm }: Screen, events: readonly CastEvent[]): void {
  let text = '';
  for (const { kind, data } of events) {
    if (kind === 'o') text += data;
    const [, cols, rows] = (kind === 'r' && /^(\d+)x(\d+)$/.exec(data)) || [];
    if (!cols || !rows) continue;
    xterm.write(text);
    text = '';
    xterm.write('', () => xterm.resize(Number(cols), Number(rows)));
  }
  if (text) xterm.write(text);
}
