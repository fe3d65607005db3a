import { messageOf } from '@skyarc/lib/errors';
import { Informer, type KubeClient, type Resource } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { GatewaySettings } from './config.ts';
import type { NginxEngine } from './nginx/engine.ts';
import type { GatewayModel } from './render/model.ts';
import { renderModel } from './render/routes.ts';
import { diffTables, digestOf, renderTable, type Table } from './render/table.ts';
import { Reporter } from './reporter.ts';

const superviseEveryMs = 2_000;
const keepEveryMs = 500;

export interface GatewayControllerDeps {
  readonly kube: KubeClient;
  readonly engine: NginxEngine;
  readonly log: Logger;
}

/** Follows the cluster and brings nginx's shared memory to what it says, at each change and regularly. */
export class GatewayController {
  /** Changes written to nginx; a sync of equals writes none. */
  writes = 0;
  private readonly config: GatewaySettings;
  private readonly engine: NginxEngine;
  private readonly log: Logger;
  private readonly reporter: Reporter;
  private readonly informers;
  private readonly stopping = new AbortController();
  private loops: Promise<unknown> = Promise.resolve();
  private wake = Promise.withResolvers<void>();
  /** What nginx holds, as far as we know; undefined when it may hold anything. */
  private served: Table | undefined;
  private kept: Table | undefined;
  private model: GatewayModel | undefined;

  constructor(config: GatewaySettings, { kube, engine, log }: GatewayControllerDeps) {
    this.config = config;
    this.engine = engine;
    this.log = log;
    this.reporter = new Reporter(kube, config.publicAddresses, log);
    const follow = <R extends Resource>(resource: R, fieldSelector?: string) =>
      new Informer(kube, resource, { log, fieldSelector, resyncEveryMs: config.syncEveryMs });
    this.informers = {
      ingresses: follow('ingresses'),
      ingressClasses: follow('ingressclasses'),
      services: follow('services'),
      endpointSlices: follow('endpointslices'),
      secrets: follow('secrets', 'type=kubernetes.io/tls'),
    };
  }

  /** Returns at once; nginx serves its last state until the cluster has answered. */
  start(): void {
    this.loops = Promise.all([this.follow(), this.supervise(), this.keepState()]);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake.resolve();
    await Promise.all(Object.values(this.informers).map((informer) => informer.stop()));
    await this.loops;
    await this.reporter.stop();
    if (this.served && this.served !== this.kept) await this.engine.keep(this.served);
  }

  /** Seconds since the cluster last answered; Infinity before it ever did. */
  get clusterSilenceSec(): number {
    return Math.max(...Object.values(this.informers).map((informer) => informer.silenceMs)) / 1_000;
  }

  get routeCount(): number {
    return this.model?.routes.length ?? 0;
  }

  get problemCount(): number {
    return this.model?.problems.length ?? 0;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    const informers = Object.values(this.informers);
    for (const informer of informers) informer.onChange(() => this.wake.resolve());
    await Promise.all(informers.map((informer) => informer.start()));
    while (!signal.aborted) {
      this.wake = Promise.withResolvers();
      try {
        await this.sync();
      } catch (error) {
        this.served = undefined;
        if (!signal.aborted)
          this.log.warn({ reason: messageOf(error) }, 'cannot bring nginx up to date, will retry');
        await sleep(200, signal).catch(() => undefined);
        continue;
      }
      await this.waitForChange();
    }
  }

  /** Until something changed, or it is time to compare everything. */
  private async waitForChange(): Promise<void> {
    const timer = setTimeout(() => {
      this.wake.resolve();
      void this.compareWithNginx();
    }, this.config.syncEveryMs);
    await this.wake.promise;
    clearTimeout(timer);
  }

  private async compareWithNginx(): Promise<void> {
    const { digest } = await this.engine.admin.state().catch(() => ({ digest: undefined }));
    if (this.served && digest !== digestOf(this.served)) {
      this.served = undefined;
      this.wake.resolve();
    }
  }

  private async sync(): Promise<void> {
    this.model = renderModel(
      {
        ingresses: this.informers.ingresses.list(),
        ingressClasses: this.informers.ingressClasses.list(),
        services: this.informers.services.list(),
        endpointSlices: this.informers.endpointSlices.list(),
        secrets: this.informers.secrets.list(),
      },
      this.config.ingressClass,
    );
    const wanted = renderTable(this.model, this.config);
    const known = this.served ?? (await this.readServed(wanted));
    const change = diffTables(known, wanted);
    const differs = Object.keys(change.set).length > 0 || change.delete.length > 0;
    if (differs) {
      await this.engine.admin.apply(change);
      this.writes += 1;
    }
    if (differs || !this.served) this.served = wanted;
    this.reporter.report(this.model);
  }

  /** The wanted table itself when nginx serves it already; otherwise nginx's keys, whose values are unknown. */
  private async readServed(wanted: Table): Promise<Table> {
    const { digest } = await this.engine.admin.state();
    if (digest === digestOf(wanted)) return wanted;
    return new Map((await this.engine.admin.keys()).map((key) => [key, '']));
  }

  /** Starts nginx again when it died, and keeps its logs short. */
  private async supervise(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(superviseEveryMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        if (!(await this.engine.isRunning())) {
          this.log.error('nginx has died, starting it again');
          await this.engine.ensure(signal);
          this.served = undefined;
          this.wake.resolve();
        }
        await this.engine.rotateLogs();
      } catch (error) {
        if (!signal.aborted)
          this.log.error({ reason: messageOf(error) }, 'cannot keep nginx running, will retry');
      }
    }
  }

  /** Writes the state file after changes, at most twice a second: it is needed only when nginx starts. */
  private async keepState(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(keepEveryMs, signal).catch(() => undefined);
      const { served } = this;
      if (!served || served === this.kept) continue;
      try {
        await this.engine.keep(served);
        this.kept = served;
      } catch (error) {
        this.log.error({ reason: messageOf(error) }, 'cannot keep the state for a restart of nginx');
      }
    }
  }
}
