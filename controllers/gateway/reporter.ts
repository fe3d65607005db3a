import { createHash } from 'node:crypto';
import { messageOf } from '@skyarc/lib/errors';
import { isAlreadyExists, type KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import type { GatewaySettings } from './config.ts';
import type { Ingress, Problem } from './render/model.ts';

interface News {
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  readonly ingresses: readonly Ingress[];
}

/** Tells the cluster what became of its objects: addresses in the status of Ingresses, problems as Events. */
export class Reporter {
  private readonly kube: KubeClient;
  private readonly addresses: GatewaySettings['publicAddresses'];
  private readonly log: Logger;
  private isStopping = false;
  /** Names of the Events by the output that has the problem. */
  private readonly told = new Map<string, ReadonlySet<string>>();
  private running: Promise<void> | undefined;
  private readonly news: News[] = [];

  constructor(kube: KubeClient, addresses: GatewaySettings['publicAddresses'], log: Logger) {
    this.kube = kube;
    this.addresses = addresses;
    this.log = log;
  }

  /** Problems that are there now. */
  get problemCount(): number {
    return [...this.told.values()].reduce((sum, names) => sum + names.size, 0);
  }

  /** Reports in the background, in the order of the calls: problems of outputs as they are now, Ingresses that are served. */
  report(problems: News['problems'], ingresses: readonly Ingress[]): void {
    this.news.push({ problems, ingresses });
    this.running ??= this.drain().finally(() => (this.running = undefined));
  }

  /** Ends after the report that is under way. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
  }

  private async drain(): Promise<void> {
    for (let next = this.news.shift(); next && !this.isStopping; next = this.news.shift()) {
      for (const [output, problems] of next.problems) await this.reportProblems(output, problems);
      for (const ingress of next.ingresses) {
        if (this.isStopping) return;
        await this.reportStatus(ingress).catch((error: unknown) => this.warn(error));
      }
    }
  }

  private async reportProblems(output: string, problems: readonly Problem[]): Promise<void> {
    const known = this.told.get(output);
    const told = new Set<string>();
    for (const problem of problems) {
      const name = eventName(problem);
      try {
        if (!known?.has(name) && !this.isStopping) await this.tell(problem, name);
        told.add(name);
      } catch (error) {
        // It comes again when everything is compared.
        this.warn(error);
      }
    }
    if (told.size > 0) this.told.set(output, told);
    else this.told.delete(output);
  }

  private async tell({ object, kind, reason, message }: Problem, name: string): Promise<void> {
    const { namespace, name: objectName, uid, resourceVersion } = object.metadata ?? {};
    const now = new Date().toISOString();
    try {
      await this.kube.create('events', {
        metadata: { name, namespace },
        involvedObject: {
          apiVersion: kind === 'Ingress' ? 'networking.k8s.io/v1' : 'v1',
          kind,
          name: objectName,
          namespace,
          uid,
          resourceVersion,
        },
        type: 'Warning',
        reason,
        message,
        source: { component: 'skyarc-gateway' },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
      });
    } catch (error) {
      // Another gateway, or we before a restart, told it already.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  private async reportStatus(ingress: Ingress): Promise<void> {
    const shown = ingress.status?.loadBalancer?.ingress ?? [];
    const isShown =
      shown.length === this.addresses.length &&
      this.addresses.every(
        ({ ip, hostname }, at) => shown[at]?.ip === ip && shown[at]?.hostname === hostname,
      );
    if (isShown) return;
    await this.kube.patch(
      'ingresses',
      {
        name: ingress.metadata?.name ?? '',
        namespace: ingress.metadata?.namespace,
        subresource: 'status',
      },
      { status: { loadBalancer: { ingress: this.addresses } } },
    );
  }

  private warn(error: unknown): void {
    this.log.warn({ reason: messageOf(error) }, 'cannot report on an Ingress');
  }
}

/** The same problem of the same object has the same name, so that it is told once. */
function eventName({ object, reason, message }: Problem): string {
  const digest = createHash('sha256').update(`${object.metadata?.uid} ${reason} ${message}`).digest('hex');
  return `${(object.metadata?.name ?? '').slice(0, 200)}.${digest.slice(0, 16)}`;
}
