import { Gauge, type Registry } from 'prom-client';
import type { Queue } from './queue.ts';
import type { QueueCache } from './store/cache.ts';

/** Depths by topic and group, computed when they are asked for. */
export function createMetrics(registry: Registry, cache: QueueCache, queue: Queue): void {
  const registers = [registry];
  const waiting = new Gauge({
    name: 'skyarc_mq_waiting',
    help: 'Messages that wait for a hand-out.',
    labelNames: ['topic', 'group'],
    registers,
    collect() {
      for (const gauge of [waiting, inFlight, oldest, retained]) gauge.reset();
      for (const { name } of cache.all()) {
        for (const state of queue.inspect(name).groups) {
          const labels = { topic: name, group: state.group };
          waiting.set(labels, state.waiting);
          inFlight.set(labels, state.inFlight);
          oldest.set(labels, state.oldestAgeMs / 1_000);
        }
        retained.set({ topic: name }, cache.topic(name).messages.size);
      }
    },
  });
  const labelNames = ['topic', 'group'];
  const inFlight = new Gauge({
    name: 'skyarc_mq_in_flight',
    help: 'Messages handed out.',
    labelNames,
    registers,
  });
  const oldest = new Gauge({
    name: 'skyarc_mq_oldest_seconds',
    help: 'Age of the oldest unsettled message.',
    labelNames,
    registers,
  });
  const retained = new Gauge({
    name: 'skyarc_mq_messages',
    help: 'Messages kept, dead letters under their own topic.',
    labelNames: ['topic'],
    registers,
  });
}
