import { labels, managedByValue } from '@skyarc/lib/contracts';
import { isNotFound, messageOf } from '@skyarc/lib/errors';
import { ensureObject, Informer, type KindTable } from '@skyarc/lib/kube';
import { sleep } from '@skyarc/lib/retry';
import type { CertificateRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { WorkerContext } from '../context.ts';
import { type Candidate, pickCertificate } from './pick.ts';

type Ingress = KindTable['ingresses'];

interface Pair extends Candidate {
  readonly team: string;
  readonly chain: string;
  readonly key: string;
}

const hostsSchema = z.array(z.string());
const lookEveryMs = 1_000;
const settleMs = 20;

/**
 * Gives every Ingress the certificates of its hosts and keeps their Secrets equal to the records: a renewed
 * certificate changes a Secret and nothing else. `spec.tls` is its alone, so that what an app was deployed with
 * never brings back an older choice. Any number of workers may do it at once.
 */
export class TlsKeeper {
  private readonly context: Omit<WorkerContext, 'tls'>;
  private readonly ingresses: Informer<'ingresses'>;
  private readonly stopping = new AbortController();
  private known: readonly Pair[] = [];
  /** Newest change of any record, and their number: equal means that nothing changed. */
  private seen = '';
  private writtenSecrets = new Map<string, string>();
  private due: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private loop: Promise<void> = Promise.resolve();

  constructor(context: Omit<WorkerContext, 'tls'>) {
    this.context = context;
    const labelSelector = `${labels.managedBy}=${managedByValue},${labels.appId}`;
    this.ingresses = new Informer(context.kube, 'ingresses', { log: context.log, labelSelector });
    this.ingresses.onChange((now) => now && this.soon());
  }

  start(): void {
    void this.ingresses.start();
    this.loop = this.lookRegularly();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.due);
    await this.ingresses.stop();
    await this.loop;
    await this.running;
  }

  /** Makes an app's Ingresses have their certificates now, so that its operation ends with them. */
  async settle(namespace: string, appId: string): Promise<void> {
    await this.read();
    const { items } = await this.context.kube.list('ingresses', {
      namespace,
      labelSelector: `${labels.appId}=${appId}`,
    });
    for (const ingress of items) await this.keep(ingress);
  }

  private soon(): void {
    if (this.due || this.stopping.signal.aborted) return;
    this.due = setTimeout(() => {
      this.due = undefined;
      this.running = this.running.then(() => this.keepAll());
    }, settleMs);
  }

  private async lookRegularly(): Promise<void> {
    const { signal } = this.stopping;
    for (let round = 0; !signal.aborted; round += 1) {
      const isFull = round % Math.ceil(this.context.config.repairEveryMs / lookEveryMs) === 0;
      try {
        if (isFull) this.writtenSecrets = new Map();
        const changed = await this.read();
        if (changed || isFull) this.soon();
        if (isFull) await this.removeUnknown();
      } catch (error) {
        if (!signal.aborted) this.warn(error);
      }
      await sleep(lookEveryMs, signal).catch(() => undefined);
    }
  }

  /** True when a record changed since the last time. */
  private async read(): Promise<boolean> {
    const { db, secretBox } = this.context;
    const { _max, _count } = await db.certificate.aggregate({ _max: { updatedAt: true }, _count: true });
    const seen = `${_count}/${_max.updatedAt?.getTime() ?? 0}`;
    if (seen === this.seen) return false;
    const rows = await db.certificate.findMany({
      where: { chain: { not: null }, privateKey: { not: null } },
    });
    this.known = rows.map((row: CertificateRecord) => ({
      id: row.id,
      team: row.teamName,
      hosts: hostsSchema.parse(JSON.parse(row.hosts)),
      notAfter: row.notAfter,
      chain: row.chain ?? '',
      key: secretBox.open(row.privateKey ?? '', `certificate:${row.id}`),
    }));
    this.seen = seen;
    return true;
  }

  private async keepAll(): Promise<void> {
    for (const ingress of this.ingresses.list()) {
      if (this.stopping.signal.aborted) return;
      await this.keep(ingress).catch((error: unknown) => {
        if (!isNotFound(error) && !this.stopping.signal.aborted) this.warn(error);
      });
    }
  }

  private async keep(ingress: Ingress): Promise<void> {
    const { name = '', namespace = '', labels: marks = {} } = ingress.metadata ?? {};
    const team = this.known.filter((each) => each.team === marks[labels.team]);
    const chosen = team.find(({ id }) => id === marks[labels.certificateId]);
    const hosts = [...new Set((ingress.spec?.rules ?? []).map(({ host }) => host ?? ''))];
    const pairs = hosts.map((host) => ({ host, pair: chosen ?? pickCertificate(host, team) }));
    const byPair = Map.groupBy(
      pairs.filter(({ pair }) => pair),
      ({ pair }) => pair as Pair,
    );
    for (const pair of byPair.keys()) await this.keepSecret(namespace, pair);
    const tls = [...byPair].map(([{ id }, members]) => ({
      hosts: members.map(({ host }) => host),
      secretName: secretNameOf(id),
    }));
    if (JSON.stringify(tls) === JSON.stringify(ingress.spec?.tls ?? [])) return;
    const patch = { spec: { tls: tls.length > 0 ? tls : null } };
    await this.context.kube.patch('ingresses', { name, namespace }, patch);
  }

  private async keepSecret(namespace: string, { id, team, chain, key }: Pair): Promise<void> {
    const place = `${namespace}/${id}`;
    if (this.writtenSecrets.get(place) === chain) return;
    await ensureObject(this.context.kube, 'secrets', {
      metadata: {
        name: secretNameOf(id),
        namespace,
        labels: {
          [labels.managedBy]: managedByValue,
          [labels.team]: team,
          [labels.certificateId]: id,
        },
      },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': base64(chain), 'tls.key': base64(key) },
    });
    this.writtenSecrets.set(place, chain);
  }

  /** Secrets whose certificate is gone and that no Ingress names any more. */
  private async removeUnknown(): Promise<void> {
    const { kube } = this.context;
    const { items } = await kube.list('secrets', { labelSelector: labels.certificateId });
    const known = new Set(this.known.map(({ id }) => id));
    const named = new Set(
      this.ingresses
        .list()
        .flatMap(({ metadata, spec }) =>
          (spec?.tls ?? []).map(({ secretName }) => `${metadata?.namespace}/${secretName}`),
        ),
    );
    for (const { metadata } of items) {
      const { name = '', namespace = '' } = metadata ?? {};
      if (known.has(metadata?.labels?.[labels.certificateId] ?? '')) continue;
      if (!named.has(`${namespace}/${name}`)) await kube.delete('secrets', name, namespace);
    }
  }

  private warn(error: unknown): void {
    this.context.log.warn(
      { reason: messageOf(error) },
      'cannot bring certificates to routes, will try again',
    );
  }
}

function secretNameOf(id: string): string {
  return `cert-${id}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
