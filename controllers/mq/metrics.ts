import { Counter, Gauge, type Registry } from 'prom-client';
import type { DispatchCount } from './dispatcher.ts';
import type { Queue } from './queue.ts';
import type { QueueCache } from './store/cache.ts';

/** What this node counts. */
export interface Counters {
  published(topic: string, many: number): void;
  group(what: DispatchCount | 'dead', topic: string, group: string, many: number): void;
}

const help: Readonly<Record<DispatchCount | 'dead', string>> = {
  delivered: 'Hand-outs.',
  acked: 'Messages acknowledged by their consumers.',
  nacked: 'Messages given back by their consumers.',
  expired: 'Hand-outs of messages whose consumer had let a deadline pass.',
  dead: 'Messages that became dead letters.',
};

export function createCounters(registry: Registry): Counters {
  const registers = [registry];
  const labelNames = ['topic', 'group'];
  const published = new Counter({
    name: 'skyarc_mq_published_total',
    help: 'Messages stored.',
    labelNames: ['topic'],
    registers,
  });
  const counterOf = (what: DispatchCount | 'dead') =>
    new Counter({ name: `skyarc_mq_${what}_total`, help: help[what], labelNames, registers });
  const counters = {
    delivered: counterOf('delivered'),
    acked: counterOf('acked'),
    nacked: counterOf('nacked'),
    expired: counterOf('expired'),
    dead: counterOf('dead'),
  };
  return {
    published: (topic, many) => published.inc({ topic }, many),
    group: (what, topic, group, many) => counters[what].inc({ topic, group }, many),
  };
}

/** Depths by topic and group, computed when they are asked for. */
export function createGauges(registry: Registry, cache: QueueCache, queue: Queue): void {
  const registers = [registry];
  const labelNames = ['topic', 'group'];
  const gaugeOf = (name: string, text: string, labels = labelNames) =>
    new Gauge({ name: `skyarc_mq_${name}`, help: text, labelNames: labels, registers });
  const waiting = new Gauge({
    name: 'skyarc_mq_waiting',
    help: 'Messages that wait for a hand-out.',
    labelNames,
    registers,
    collect() {
      for (const gauge of [waiting, inFlight, oldest, consumers, retained, bytes]) gauge.reset();
      for (const topic of cache.all()) {
        for (const state of queue.groupsOf(topic)) {
          const labels = { topic: topic.name, group: state.group };
          waiting.set(labels, state.waiting);
          inFlight.set(labels, state.inFlight);
          oldest.set(labels, state.oldestAgeMs / 1_000);
          consumers.set(labels, state.consumers);
        }
        retained.set({ topic: topic.name }, topic.messages.size);
        bytes.set({ topic: topic.name }, topic.bytes);
      }
    },
  });
  const inFlight = gaugeOf('in_flight', 'Messages handed out.');
  const oldest = gaugeOf('oldest_seconds', 'Age of the oldest unsettled message.');
  const consumers = gaugeOf('consumers', 'Subscribers at this node.');
  const retained = gaugeOf('messages', 'Messages kept, dead letters under their own topic.', ['topic']);
  const bytes = gaugeOf('bytes', 'Bodies of messages kept.', ['topic']);
}
