import { createHash } from 'node:crypto';
import { messageOf } from '@skyarc/lib/errors';
import { isAlreadyExists, type KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import type { GatewaySettings } from './config.ts';
import type { GatewayModel, Problem } from './render/model.ts';

/** Tells the cluster what became of its Ingresses: addresses in their status, problems as Events. */
export class Reporter {
  private readonly kube: KubeClient;
  private readonly addresses: GatewaySettings['publicAddresses'];
  private readonly log: Logger;
  private isStopping = false;
  private told = new Set<string>();
  private running: Promise<void> | undefined;
  private next: GatewayModel | undefined;

  constructor(kube: KubeClient, addresses: GatewaySettings['publicAddresses'], log: Logger) {
    this.kube = kube;
    this.addresses = addresses;
    this.log = log;
  }

  /** Reports the newest model in the background; one that comes meanwhile follows, older ones are skipped. */
  report(model: GatewayModel): void {
    this.next = model;
    this.running ??= this.drain().finally(() => (this.running = undefined));
  }

  /** Ends after the report that is under way. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
  }

  private async drain(): Promise<void> {
    for (let model = this.next; model; model = this.next) {
      this.next = undefined;
      await this.reportProblems(model.problems);
      for (const ingress of model.ingresses) {
        if (this.next || this.isStopping) break;
        await this.reportStatus(ingress).catch((error: unknown) => this.warn(error));
      }
    }
  }

  private async reportProblems(problems: readonly Problem[]): Promise<void> {
    const present = new Set<string>();
    for (const problem of problems) {
      const name = eventName(problem);
      present.add(name);
      if (this.told.has(name) || this.isStopping) continue;
      await this.tell(problem, name).catch((error: unknown) => this.warn(error));
    }
    this.told = present;
  }

  private async tell({ ingress, reason, message }: Problem, name: string): Promise<void> {
    const { namespace, name: ingressName, uid, resourceVersion } = ingress.metadata ?? {};
    const now = new Date().toISOString();
    try {
      await this.kube.create('events', {
        metadata: { name, namespace },
        involvedObject: {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'Ingress',
          name: ingressName,
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

  private async reportStatus(ingress: GatewayModel['ingresses'][number]): Promise<void> {
    const shown = (ingress.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ({ ip, hostname }));
    const wanted = this.addresses.map(({ ip, hostname }) => ({ ip, hostname }));
    if (JSON.stringify(shown) === JSON.stringify(wanted)) return;
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

/** The same problem of the same Ingress has the same name, so that it is told once. */
function eventName({ ingress, reason, message }: Problem): string {
  const digest = createHash('sha256').update(`${ingress.metadata?.uid} ${reason} ${message}`).digest('hex');
  return `${(ingress.metadata?.name ?? '').slice(0, 200)}.${digest.slice(0, 16)}`;
}
