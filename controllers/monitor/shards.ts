import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@skyarc/lib/log';
import { z } from 'zod';
import type { MonitorSettings } from './config.ts';
import { assign, type Weighed } from './prometheus/assign.ts';
import { writeIfChanged } from './prometheus/files.ts';
import { PrometheusInstance } from './prometheus/instance.ts';
import { ask, type InstantSeries } from './query/prometheus-client.ts';
import { keyOf, type Target } from './targets/target.ts';

const kept = z.object({
  /** Shard of each target, by its key. */
  assigned: z.record(z.string(), z.int()),
  /** Unix seconds of the last move. */
  movedAt: z.number(),
  /** When shards beyond the number that is wanted lost their targets, Unix seconds. */
  retiredAt: z.record(z.string(), z.number()),
});
type Kept = z.output<typeof kept>;

/** Series of a target that was never scraped. */
const guess = 100;
const daySec = 86_400;

/**
 * The Prometheus processes with the targets of each. Those that are no longer wanted stay without targets, to be
 * asked for what they have, until that is too old.
 */
export class Shards {
  readonly instances: readonly PrometheusInstance[];
  /** Evaluates over all of them; the only one itself where there is one. */
  readonly evaluator: PrometheusInstance;
  private readonly config: MonitorSettings;
  private state: Kept;
  private weights = new Map<string, number>();

  private constructor(config: MonitorSettings, state: Kept, count: number) {
    this.config = config;
    this.state = state;
    const { port, evaluatorPort } = config.prometheus;
    this.instances = Array.from(
      { length: count },
      (_, index) => new PrometheusInstance(config, { name: nameOf(index), port: port + index }),
    );
    this.evaluator =
      count === 1
        ? (this.instances[0] as PrometheusInstance)
        : new PrometheusInstance(config, { name: 'evaluator', port: evaluatorPort });
  }

  static async open(config: MonitorSettings, log: Logger): Promise<Shards> {
    const { dataDir, prometheus } = config;
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const text = await readFile(stateFileOf(config), 'utf8').catch(() => '{}');
    const state: Kept = kept.safeParse(parseJson(text)).data ?? { assigned: {}, movedAt: 0, retiredAt: {} };
    const found = (await readdir(dataDir))
      .flatMap((name) => /^shard-(\d)$/.exec(name)?.[1] ?? [])
      .map(Number);
    const now = Date.now() / 1_000;
    for (const index of found.filter((one) => one >= prometheus.shards)) {
      const since = (state.retiredAt[index] ??= now);
      if (now - since < prometheus.retentionDays * daySec) continue;
      log.info({ shard: index }, 'removing a shard whose last samples are too old');
      await new PrometheusInstance(config, {
        name: nameOf(index),
        port: prometheus.port + index,
      }).daemon.stop();
      await rm(join(dataDir, nameOf(index)), { recursive: true, force: true });
      delete state.retiredAt[index];
    }
    for (let index = 0; index < prometheus.shards; index += 1) delete state.retiredAt[index];
    const retired = Object.keys(state.retiredAt).map(Number);
    return new Shards(config, state, Math.max(prometheus.shards, ...retired.map((index) => index + 1)));
  }

  /** All processes, the evaluator last. */
  get all(): PrometheusInstance[] {
    return [...new Set([...this.instances, this.evaluator])];
  }

  get stableSince(): number {
    return this.state.movedAt;
  }

  /** Gives each shard its targets, and writes down who has what. */
  async spread(targets: readonly Target[]): Promise<void> {
    const weighed = [...new Map(targets.map((target) => [keyOf(ofTarget(target)), target])).entries()].map(
      ([key, target]): Weighed & { target: Target } => ({
        key,
        weight: this.weights.get(key) ?? guess,
        target,
      }),
    );
    const before = new Map(Object.entries(this.state.assigned));
    const assigned = assign(weighed, this.config.prometheus.shards, before);
    const hasMoved = [...assigned].some(([key, shard]) => before.has(key) && before.get(key) !== shard);
    const movedAt = hasMoved ? Math.ceil(Date.now() / 1_000) : this.state.movedAt;
    this.state = { ...this.state, assigned: Object.fromEntries(assigned), movedAt };
    await writeIfChanged(stateFileOf(this.config), `${JSON.stringify(this.state)}\n`);
    for (const [index, instance] of this.instances.entries()) {
      await instance.setTargets(
        weighed.filter(({ key }) => assigned.get(key) === index).map(({ target }) => target),
      );
    }
  }

  /** Learns how many series each target has. Those of shards that are away keep their weight. */
  async weigh(): Promise<void> {
    const parameters = new URLSearchParams({ query: 'scrape_samples_post_metric_relabeling' });
    const answers = await Promise.allSettled(
      this.instances.map(({ url }) => ask<{ result: InstantSeries[] }>(url, '/api/v1/query', parameters)),
    );
    for (const answer of answers) {
      if (answer.status !== 'fulfilled') continue;
      for (const { metric, value } of answer.value.data.result) {
        const { job = '', instance = '', namespace } = metric;
        this.weights.set(keyOf({ job, instance, namespace }), Math.max(1, Number(value[1])));
      }
    }
    const known = new Set(Object.keys(this.state.assigned));
    for (const key of this.weights.keys()) if (!known.has(key)) this.weights.delete(key);
  }

  /** Series of each wanted shard, as far as it is known. */
  loads(): number[] {
    const loads = Array.from({ length: this.config.prometheus.shards }, () => 0);
    for (const [key, shard] of Object.entries(this.state.assigned)) {
      loads[shard] = (loads[shard] ?? 0) + (this.weights.get(key) ?? guess);
    }
    return loads;
  }
}

function ofTarget({ job, instance, labels }: Target) {
  return { job, instance, namespace: labels['namespace'] };
}

function nameOf(index: number): string {
  return `shard-${index}`;
}

function stateFileOf({ dataDir }: MonitorSettings): string {
  return join(dataDir, 'assignment.json');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
