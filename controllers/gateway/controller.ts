import { htpasswdSecretType } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import { Informer, keyOf, type KubeClient, type Resource } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { GatewaySettings } from './config.ts';
import type { NginxEngine } from './nginx/engine.ts';
import { NginxWriter } from './nginx/writer.ts';
import type { Ingress } from './render/model.ts';
import { Plane } from './render/plane.ts';
import { Reporter } from './reporter.ts';

const superviseEveryMs = 2_000;
const keepEveryMs = 1_000;
/** Outputs that are rendered in one go while everything is compared: about two milliseconds. */
const comparedAtOnce = 100;

export interface GatewayControllerDeps {
  readonly kube: KubeClient;
  readonly engine: NginxEngine;
  readonly log: Logger;
}

/** Follows the cluster and brings nginx's shared memory to what it says, at each change and regularly. */
export class GatewayController {
  private readonly config: GatewaySettings;
  private readonly engine: NginxEngine;
  private readonly log: Logger;
  private readonly plane: Plane;
  private readonly writer: NginxWriter;
  private readonly reporter: Reporter;
  private readonly informers;
  private readonly stopping = new AbortController();
  private readonly changed = new Map<string, Ingress>();
  private loops: Promise<unknown> = Promise.resolve();
  private wake = Promise.withResolvers<void>();
  private comparedAt = 0;

  constructor(config: GatewaySettings, { kube, engine, log }: GatewayControllerDeps) {
    this.config = config;
    this.engine = engine;
    this.log = log;
    this.plane = new Plane(config);
    this.writer = new NginxWriter(engine, this.plane.outputs.values);
    this.reporter = new Reporter(kube, config.publicAddresses, log);
    const follow = <R extends Resource>(resource: R, fieldSelector?: string) =>
      new Informer(kube, resource, { log, fieldSelector, resyncEveryMs: config.syncEveryMs });
    this.informers = {
      ingressClasses: follow('ingressclasses'),
      ingresses: follow('ingresses'),
      services: follow('services'),
      endpointSlices: follow('endpointslices'),
      certificates: follow('secrets', 'type=kubernetes.io/tls'),
      passwords: follow('secrets', `type=${htpasswdSecretType}`),
    };
  }

  /** Changes written to nginx; a sync of equals writes none. */
  get writes(): number {
    return this.writer.writes;
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
    await this.writer.keep();
  }

  /** Seconds since the cluster last answered; Infinity before it ever did. */
  get clusterSilenceSec(): number {
    return Math.max(...Object.values(this.informers).map((informer) => informer.silenceMs)) / 1_000;
  }

  get routeCount(): number {
    return [...this.plane.ours].reduce((sum, { claims }) => sum + claims.length, 0);
  }

  get problemCount(): number {
    return this.reporter.problemCount;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    await this.listen();
    while (!signal.aborted) {
      this.wake = Promise.withResolvers();
      try {
        if (Date.now() - this.comparedAt >= this.config.syncEveryMs) await this.compare();
        else await this.sync();
      } catch (error) {
        this.writer.doubt();
        this.comparedAt = 0;
        if (!signal.aborted)
          this.log.warn({ reason: messageOf(error) }, 'cannot bring nginx up to date, will retry');
        await sleep(200, signal).catch(() => undefined);
        continue;
      }
      await this.waitForChange();
    }
  }

  private async listen(): Promise<void> {
    const { ingressClasses, ingresses, services, endpointSlices, certificates, passwords } = this.informers;
    const { plane } = this;
    ingressClasses.onChange((now, before) => plane.putIngressClass(now, before));
    services.onChange((now, before) => plane.putService(now, before));
    endpointSlices.onChange((now, before) => plane.putSlice(now, before));
    certificates.onChange((now, before) => plane.putSecret(now, before));
    passwords.onChange((now, before) => plane.putSecret(now, before));
    ingresses.onChange((now, before) => plane.putIngress(now, before));
    ingresses.onChange((now) => {
      if (now) this.changed.set(keyOf(now), now);
    });
    for (const informer of Object.values(this.informers)) informer.onChange(() => this.wake.resolve());
    await Promise.all(Object.values(this.informers).map((informer) => informer.start()));
  }

  /** Until something changed, or it is time to compare everything. */
  private async waitForChange(): Promise<void> {
    const left = this.comparedAt + this.config.syncEveryMs - Date.now();
    const timer = setTimeout(this.wake.resolve, Math.max(left, 1));
    await this.wake.promise;
    clearTimeout(timer);
  }

  /** Writes what changed since the last time. */
  private async sync(): Promise<void> {
    const change = this.plane.outputs.flush();
    await this.writer.write(change);
    const ingresses = [...this.changed.values()].filter((ingress) => this.plane.serves(keyOf(ingress)));
    this.changed.clear();
    if (change.problems.size > 0 || ingresses.length > 0) this.reporter.report(change.problems, ingresses);
  }

  /** Renders everything again, in parts between which changes go first, and repairs what nginx holds. */
  private async compare(): Promise<void> {
    const isFirst = this.comparedAt === 0;
    this.comparedAt = Date.now();
    if (isFirst) await this.sync();
    const keys = this.plane.keys();
    for (let at = 0; at < keys.length && !this.stopping.signal.aborted; at += comparedAtOnce) {
      for (const key of keys.slice(at, at + comparedAtOnce)) this.plane.outputs.mark(key);
      await this.sync();
      await new Promise(setImmediate);
    }
    await this.writer.verify();
    if (await this.engine.repair()) this.log.warn('files of nginx were changed, put right again');
    this.reporter.report(
      new Map(),
      [...this.plane.ours].map(({ ingress }) => ingress),
    );
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
          this.comparedAt = 0;
          this.wake.resolve();
        }
        await this.engine.rotateLogs();
      } catch (error) {
        if (!signal.aborted)
          this.log.error({ reason: messageOf(error) }, 'cannot keep nginx running, will retry');
      }
    }
  }

  /** Writes the state file after changes, at most once a second: it is needed only when nginx starts. */
  private async keepState(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(keepEveryMs, signal).catch(() => undefined);
      await this.writer.keep().catch((error: unknown) => {
        this.log.error({ reason: messageOf(error) }, 'cannot keep the state for a restart of nginx');
      });
    }
  }
}
