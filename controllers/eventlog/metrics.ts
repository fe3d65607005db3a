import { createRegistry } from '@skyarc/lib/status';
import { Counter, Gauge } from 'prom-client';

/** What `/metrics` tells of the event log. */
export function createMetrics() {
  const registry = createRegistry('eventlog');
  const registers = [registry];
  return {
    registry,
    linesTotal: new Counter({ name: 'skyarc_eventlog_frames_total', help: 'Lines stored.', registers }),
    storedBytes: new Gauge({
      name: 'skyarc_eventlog_bytes',
      help: 'Bytes on disk at the last check.',
      registers,
    }),
    shortenedBytesTotal: new Counter({
      name: 'skyarc_eventlog_shortened_bytes_total',
      help: 'Bytes dropped before their time because the disk was full.',
      registers,
    }),
    pendingBytes: new Gauge({
      name: 'skyarc_eventlog_pending_bytes',
      help: 'Memory of lines that wait for the disk.',
      registers,
    }),
    followers: new Gauge({ name: 'skyarc_eventlog_followers', help: 'Live readers.', registers }),
  };
}
