import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { codes, ZoneSet, type DnsClient, type DnsQuery, type DnsReply, type ZoneData } from '@skyarc/lib/dns';
import type { DnsState } from '@skyarc/lib/contracts';
import { Informer, type KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { DnsSettings } from './config.ts';
import { GatewayProbe } from './probe.ts';
import { RateLimit } from './rate-limit.ts';
import { gatewaysOf } from './render/ingresses.ts';
import { renderZones, type ClusterObjects } from './render/zones.ts';
import { Tally } from './tally.ts';

/** What became of a question, for the metrics. */
export interface Outcome {
  readonly zone: string;
  readonly type: string;
  readonly code: number;
  readonly isTcp: boolean;
  readonly verdict: 'send' | 'truncate' | 'drop';
}

/** Changes of one moment are one rendering. */
const settleMs = 20;
const maxClassesWaitMs = 3_000;

/** Follows the cluster and answers for its zones from memory: the API may be away, the last state is served. */
export class DnsController {
  private readonly settings: DnsSettings;
  private readonly log: Logger;
  private readonly onOutcome: (outcome: Outcome) => void;
  private readonly ingresses: Informer<'ingresses'>;
  private readonly ingressClasses: Informer<'ingressclasses'>;
  private readonly services: Informer<'services'> | undefined;
  private readonly probe: GatewayProbe | undefined;
  private readonly limit: RateLimit;
  private readonly insiders = new BlockList();
  private readonly origins: readonly string[];
  private readonly tally = new Tally();
  private zones = new ZoneSet([]);
  private zoneData: readonly ZoneData[] = [];
  private rendered = '';
  private serial = 0;
  private timer: NodeJS.Timeout | undefined;
  private isSynced = false;

  constructor(
    settings: DnsSettings,
    deps: { kube: KubeClient; log: Logger; onOutcome: (outcome: Outcome) => void },
  ) {
    const { kube, log, onOutcome } = deps;
    this.settings = settings;
    this.log = log;
    this.onOutcome = onOutcome;
    this.limit = new RateLimit(settings.rateLimit);
    this.ingresses = new Informer(kube, 'ingresses', { log });
    this.ingressClasses = new Informer(kube, 'ingressclasses', { log });
    this.services = settings.internal && new Informer(kube, 'services', { log });
    this.probe =
      settings.probe &&
      new GatewayProbe(
        settings.probe,
        () => this.gateways,
        () => this.renderSoon(),
      );
    this.origins = [...settings.zones, ...(settings.internal ? [settings.internal] : [])].map(
      ({ origin }) => origin,
    );
    for (const network of settings.internal?.clients ?? []) {
      const [address = '', prefix] = network.split('/');
      this.insiders.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
    }
  }

  get gateways(): string[] {
    return gatewaysOf(this.settings, this.objects());
  }

  get livingGateways(): string[] {
    return this.gateways.filter((address) => this.isAlive(address));
  }

  /** Seconds since the cluster last answered; Infinity before it ever did. */
  get clusterSilenceSec(): number {
    return Math.min(...this.informers().map(({ silenceMs }) => silenceMs)) / 1_000;
  }

  get hasSynced(): boolean {
    return this.isSynced;
  }

  get state(): Omit<DnsState, 'address'> {
    const { internal, zones } = this.settings;
    const isWildcard = (origin: string): boolean =>
      zones.some((zone) => zone.origin === origin && zone.wildcard);
    const silence = this.clusterSilenceSec;
    return {
      zones: this.zoneData.map(({ origin, serial, records }) => ({
        origin,
        serial,
        isInternal: origin === internal?.origin,
        isWildcard: isWildcard(origin),
        names: new Set(records.map(([name]) => name)).size,
      })),
      gateways: this.gateways.map((address) => ({ address, isAlive: this.isAlive(address) })),
      questions: this.tally.questions,
      questionsPerSecond: this.tally.questionsPerSecond,
      failures: [...this.tally.failures],
      clusterSilenceSec: Number.isFinite(silence) ? silence : null,
    };
  }

  /** Begins to follow; does not wait for the cluster. */
  start(): void {
    this.render();
    this.probe?.start();
    for (const informer of this.informers()) informer.onChange(() => this.renderSoon());
    // Where classes may not be read, ours is known by its name.
    const classes = Promise.race([this.ingressClasses.start(), sleep(maxClassesWaitMs)]);
    void Promise.all([classes, this.ingresses.start(), this.services?.start()]).then(() => {
      this.isSynced = true;
      this.render();
    });
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.probe?.stop();
    await Promise.all(this.informers().map((informer) => informer.stop()));
  }

  /** The reply to one question; undefined when the client gets none. */
  answer(query: DnsQuery, client: DnsClient): DnsReply | undefined {
    const reply = this.resolve(query, client);
    const zone = this.originOf(query.key) ?? '';
    const about = reply.code === codes.ok ? `${query.key} ${query.type}` : `${reply.code} ${zone}`;
    const verdict = client.isTcp ? 'send' : this.limit.take(client.address, about);
    const outcome: Outcome = { zone, type: query.type, code: reply.code, isTcp: client.isTcp, verdict };
    this.onOutcome(outcome);
    this.tally.note(query.key, outcome);
    if (verdict === 'drop') return undefined;
    return verdict === 'truncate' ? { ...reply, isTruncated: true } : reply;
  }

  private resolve(query: DnsQuery, client: DnsClient): DnsReply {
    const origin = this.originOf(query.key);
    const isTransfer = query.type === 'AXFR' || query.type === 'IXFR';
    if (query.class !== 'IN' || isTransfer || origin === undefined) return { code: codes.refused };
    if (origin === this.settings.internal?.origin && !this.isInsider(client.address)) {
      return { code: codes.refused };
    }
    // Before the cluster has told of its hosts a "no" would be a lie that others remember.
    return this.zones.resolve(query) ?? { code: codes.serverFailure };
  }

  private originOf(key: string): string | undefined {
    return this.origins
      .filter((origin) => key === origin || key.endsWith(`.${origin}`))
      .toSorted((left, right) => right.length - left.length)[0];
  }

  private isInsider(address: string): boolean {
    return this.insiders.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }

  private renderSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.render();
    }, settleMs);
  }

  private render(): void {
    const input = { objects: this.objects(), isAlive: (address: string) => this.isAlive(address) };
    const { publicAddresses, zones } = this.settings;
    // Of a wildcard it is known from the start where it leads, if the configuration says so.
    const known = publicAddresses.length > 0 ? zones.filter(({ wildcard }) => wildcard) : [];
    const settings = this.isSynced ? this.settings : { ...this.settings, zones: known, internal: undefined };
    const text = JSON.stringify(renderZones(settings, { ...input, serial: 0 }));
    if (text === this.rendered) return;
    this.rendered = text;
    this.serial = Math.max(this.serial + 1, Math.floor(Date.now() / 1_000));
    this.zoneData = renderZones(settings, { ...input, serial: this.serial });
    this.zones = new ZoneSet(this.zoneData);
    this.log.info({ serial: this.serial, gateways: this.livingGateways }, 'zones have changed');
  }

  private isAlive(address: string): boolean {
    return this.probe?.isAlive(address) ?? true;
  }

  private objects(): ClusterObjects {
    return {
      ingresses: this.ingresses.list(),
      ingressClasses: this.ingressClasses.list(),
      services: this.services?.list() ?? [],
    };
  }

  private informers() {
    return [this.ingresses, this.ingressClasses, ...(this.services ? [this.services] : [])];
  }
}
