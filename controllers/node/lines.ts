import { streamOf } from '@skyarc/lib/contracts';
import type { NewFrame } from '@skyarc/lib/eventlog-client';
import type { PodInfo } from './pods.ts';

/** One line as the container wrote it. */
export interface ContainerLine {
  /** Microseconds since 1970 UTC; 0 when it has no readable time. */
  readonly timeUs: number;
  readonly channel: '' | 'stdout' | 'stderr';
  readonly text: string;
}

/**
 * Gives the lines of one container, all its runs, their places: the time in microseconds, one more than the
 * last where that is not larger. Whoever reads them again, from files or by the API, gives the same line the
 * same place, so the event log recognises it.
 */
export function placeAfter(last: number, line: ContainerLine): number {
  return Math.max(last + 1, line.timeUs);
}

export function frameOf(pod: PodInfo, container: string, line: ContainerLine, place: number): NewFrame {
  return {
    stream: streamOf.app(pod.appId),
    source: `${pod.name}/${container}`,
    producer: `${pod.uid}/${container}`,
    producerSeq: place,
    timeMs: Math.floor((line.timeUs || place) / 1_000),
    line: line.text,
    channel: line.channel,
    level: line.channel === 'stderr' ? 'warn' : 'info',
  };
}

/** Microseconds of an RFC 3339 time with any number of fraction digits; 0 when it is none. */
export function parseTimeUs(text: string): number {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return 0;
  const [, seconds, fraction = '', zone] = match;
  const timeMs = Date.parse(`${seconds}${zone}`);
  return timeMs * 1_000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}
