import { Counter, Gauge, type Registry } from 'prom-client';
import type { Sessions } from './sessions.ts';

export interface Metrics {
  readonly begun: Counter<'kind'>;
  readonly ended: Counter<'end'>;
  readonly refused: Counter<'code'>;
  readonly bytesIn: Counter;
  readonly bytesOut: Counter;
}

export function createMetrics(registry: Registry): Metrics {
  const registers = [registry];
  return {
    begun: new Counter({
      name: 'skyarc_webcli_sessions_begun_total',
      help: 'Sessions that were begun: shell, command or debug.',
      labelNames: ['kind'],
      registers,
    }),
    ended: new Counter({
      name: 'skyarc_webcli_sessions_ended_total',
      help: 'Sessions that ended, by why.',
      labelNames: ['end'],
      registers,
    }),
    refused: new Counter({
      name: 'skyarc_webcli_refused_total',
      help: 'Connections that were refused or could not be served, by error code.',
      labelNames: ['code'],
      registers,
    }),
    bytesIn: new Counter({
      name: 'skyarc_webcli_typed_bytes_total',
      help: 'Bytes typed in sessions that ended.',
      registers,
    }),
    bytesOut: new Counter({
      name: 'skyarc_webcli_shown_bytes_total',
      help: 'Bytes shown in sessions that ended.',
      registers,
    }),
  };
}

/** Sessions as they are when asked. */
export function watchSessions(registry: Registry, sessions: Sessions): Gauge {
  return new Gauge({
    name: 'skyarc_webcli_sessions',
    help: 'Sessions now: with a tab, or waiting for one.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'attached' }, sessions.list().filter((one) => one.hasClient).length);
      this.set({ state: 'waiting' }, sessions.list().filter((one) => !one.hasClient).length);
    },
  });
}
