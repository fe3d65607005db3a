import { join } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { AlertRuleRecord } from '@skyarc/prisma/datacenter';
import { AlertmanagerInstance } from './alertmanager/instance.ts';
import { renderAlertmanager } from './alertmanager/render.ts';
import type { MonitorSettings } from './config.ts';
import { writeCredentials } from './prometheus/credentials.ts';
import { writeIfChanged } from './prometheus/files.ts';
import { renderEvaluator, renderShard } from './prometheus/render.ts';
import type { Layout } from './query/federation.ts';
import type { MonitorRepository } from './repository.ts';
import { checkRules } from './rules/check.ts';
import { renderRules } from './rules/render.ts';
import type { Shards } from './shards.ts';
import type { ClusterState } from './state/cluster-state.ts';
import { clusterTargets } from './targets/cluster.ts';
import { fixedTargets } from './targets/fixed.ts';
import { machineTargets } from './targets/machines.ts';
import { serviceTargets } from './targets/services.ts';
import type { Target } from './targets/target.ts';

export interface ControllerDeps {
  readonly kube: KubeClient;
  readonly state: ClusterState;
  readonly shards: Shards;
  readonly repository: MonitorRepository;
  readonly log: Logger;
  /** Where we ourselves answer. */
  readonly ownUrl: string;
}

const settleMs = 200;

/** Holds engines, their configuration and their targets to what cluster and records say. */
export class MonitorController {
  readonly alertmanager: AlertmanagerInstance;
  private readonly config: MonitorSettings;
  private readonly deps: ControllerDeps;
  private readonly stopping = new AbortController();
  private readonly running: Promise<unknown>[] = [];
  private wake = Promise.withResolvers<void>();
  private checkedRules: { readonly content: string; readonly own: readonly AlertRuleRecord[] } | undefined;
  private failure: string | undefined;
  private syncing: Promise<void> = Promise.resolve();

  constructor(config: MonitorSettings, deps: ControllerDeps) {
    this.config = config;
    this.deps = deps;
    this.alertmanager = new AlertmanagerInstance(config);
  }

  /** Writes everything, starts or adopts the engines and goes on to keep both. Throws when one cannot be started. */
  async start(): Promise<void> {
    const { state, shards, log } = this.deps;
    await this.sync();
    const daemons = [...shards.all.map(({ daemon }) => daemon), this.alertmanager.daemon];
    await Promise.all(daemons.map((daemon) => daemon.ensure(this.stopping.signal)));
    const { signal } = this.stopping;
    for (const daemon of daemons) {
      const onRestart = (error?: unknown) =>
        log.warn(
          { log: daemon.logFile, ...(error ? { reason: messageOf(error) } : {}) },
          error ? 'cannot start an engine' : 'an engine was gone and runs again',
        );
      this.running.push(daemon.keep(signal, onRestart));
    }
    state.onTargets(() => this.wake.resolve());
    this.running.push(this.follow(), this.balance());
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake.resolve();
    await Promise.all(this.running);
  }

  get layout(): Layout {
    const { instances, evaluator, stableSince } = this.deps.shards;
    return { shardUrls: instances.map(({ url }) => url), evaluatorUrl: evaluator.url, stableSince };
  }

  get problem(): string | undefined {
    return this.failure ?? this.deps.state.problem;
  }

  /** Makes everything as records and cluster say, now; one after the other. */
  sync(): Promise<void> {
    this.syncing = this.syncing.catch(() => undefined).then(() => this.syncNow());
    return this.syncing;
  }

  private async syncNow(): Promise<void> {
    const { repository, shards, kube } = this.deps;
    const { config } = this;
    const credentials = await writeCredentials(
      kube.transport.kubeConfig,
      join(config.dataDir, 'credentials'),
    );
    const rules = await this.rules();
    const isAlone = shards.all.length === 1;
    await shards.spread(await this.targets());
    for (const instance of shards.instances) {
      const content = renderShard(config, { credentials, hasRules: isAlone });
      await instance.configure({ config: content, rules: isAlone ? rules : undefined });
    }
    if (!isAlone) {
      const content = renderEvaluator(config, this.layout.shardUrls);
      await shards.evaluator.configure({ config: content, rules });
    }
    const tokenFile = join(config.dataDir, 'notify-token');
    await writeIfChanged(tokenFile, config.token);
    const notify = { url: `${this.deps.ownUrl}/notify`, tokenFile };
    await this.alertmanager.configure(renderAlertmanager(config, await repository.listReceivers(), notify));
  }

  /** Own rules that Prometheus would not take are left out, so that one never stops the others. */
  private async rules(): Promise<string> {
    const own = await this.deps.repository.listRules();
    if (this.checkedRules && JSON.stringify(this.checkedRules.own) === JSON.stringify(own)) {
      return this.checkedRules.content;
    }
    const { promtool } = this.config.prometheus;
    const render = (rules: readonly AlertRuleRecord[]) => renderRules(rules, this.config);
    const isFine = async (rules: readonly AlertRuleRecord[]): Promise<boolean> => {
      try {
        await checkRules(promtool, render(rules));
        return true;
      } catch (error) {
        if (rules.length === 0 || !(error instanceof AppError)) throw error;
        this.deps.log.warn({ rules: rules.map(({ id }) => id), reason: error.message }, 'rules are wrong');
        return false;
      }
    };
    let fine: readonly AlertRuleRecord[] = own;
    if (!(await isFine(own))) {
      const each: AlertRuleRecord[] = [];
      for (const rule of own) if (await isFine([rule])) each.push(rule);
      fine = each;
    }
    this.checkedRules = { own, content: render(fine) };
    return this.checkedRules.content;
  }

  private async targets(): Promise<Target[]> {
    const { state, repository, kube, shards, ownUrl } = this.deps;
    return [
      ...fixedTargets(this.config, shards.instances.length),
      ...(await serviceTargets(this.config, ownUrl)),
      ...clusterTargets({
        pods: state.pods.list(),
        nodes: state.nodes.list(),
        endpoints: await repository.listEndpoints(),
        server: kube.transport.server,
        reach: this.config.clusterReach,
        findsNodeExporters: this.config.findsExporterPods,
      }),
      // After those of pods: a machine's own agent is believed first.
      ...machineTargets(state.machines()),
    ];
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await Promise.race([sleep(this.config.syncEveryMs, signal), this.wake.promise]).catch(() => undefined);
      if (signal.aborted) return;
      // Pods come in heaps.
      await sleep(settleMs, signal).catch(() => undefined);
      this.wake = Promise.withResolvers<void>();
      try {
        await this.sync();
        this.failure = undefined;
      } catch (error) {
        this.failure = `Cannot bring monitoring up to date: ${messageOf(error)}`;
        this.deps.log.warn({ reason: messageOf(error) }, 'sync failed, will repeat');
      }
    }
  }

  private async balance(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(this.config.balanceEveryMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.deps.shards.weigh();
      this.wake.resolve();
    }
  }
}

/** Ends every engine of the monitor's folder. */
export async function stopEngines(config: MonitorSettings, shards: Shards): Promise<void> {
  const daemons = [...shards.all.map(({ daemon }) => daemon), new AlertmanagerInstance(config).daemon];
  await Promise.all(daemons.map((daemon) => daemon.stop()));
}
