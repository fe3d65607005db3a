import {
  codes,
  parseQuery,
  ZoneSet,
  type DnsClient,
  type DnsQuery,
  type DnsReply,
  type ZoneAnswer,
} from '@skyarc/lib/dns';
import { decode } from 'dns-packet';
import { Forwarder } from './forwarder.ts';
import type { AliasZone, NamesState } from './state.ts';

const aliasTtl = 5;

/** Answers pods: cluster names by authority, all others by asking other servers. */
export class Resolver {
  private zones: ZoneSet;
  private aliases: readonly AliasZone[];
  readonly forwarder: Forwarder;
  /** Since the process began. */
  questions = 0;

  constructor(state: NamesState) {
    this.zones = new ZoneSet(state.zones);
    this.aliases = state.aliases;
    this.forwarder = new Forwarder(state.forward);
  }

  /** The cluster has changed. */
  configure(state: NamesState): void {
    this.zones = new ZoneSet(state.zones);
    this.aliases = state.aliases;
    this.forwarder.configure(state.forward);
  }

  async answer(query: DnsQuery, client: Pick<DnsClient, 'limitBytes'>): Promise<DnsReply | Buffer> {
    this.questions += 1;
    const isTransfer = query.type === 'AXFR' || query.type === 'IXFR';
    if (query.class !== 'IN' || isTransfer) return { code: codes.refused };
    const own = this.resolveAlias(query) ?? this.zones.resolve(query);
    if (own) return { ...(await this.complete(own, query)), canRecurse: true };
    if (query.type === 'ANY') {
      // RFC 8482, as for our own names.
      const data = { cpu: 'RFC8482', os: '' };
      const answers = [{ name: query.name, type: 'HINFO', ttl: aliasTtl, data }];
      return { code: codes.ok, canRecurse: true, answers };
    }
    if (!query.wantsRecursion) return { code: codes.refused, canRecurse: true };
    return this.forwarder.answer(query, client);
  }

  /** What an alias out of the cluster leads to belongs to the answer: stub resolvers ask no second time. */
  private async complete(own: ZoneAnswer, query: DnsQuery): Promise<DnsReply> {
    if (own.leadsTo === undefined || query.type === 'CNAME') return own;
    const bytes = await this.forwarder.answer(questionFor(own.leadsTo, query), { limitBytes: 65_535 });
    const { answers = [] } = decode(bytes);
    const code = bytes.readUInt8(3) & 15;
    return { ...own, code, answers: [...(own.answers ?? []), ...(answers as DnsReply['answers'] & object)] };
  }

  /** Undefined when the name is in no zone of aliases. A name that leads nowhere does not exist. */
  private resolveAlias(query: DnsQuery): ZoneAnswer | undefined {
    const zone = this.aliases.find(({ origin }) => query.key === origin || query.key.endsWith(`.${origin}`));
    if (!zone) return undefined;
    const target = targetOf(zone, query.key);
    const found = target === undefined ? undefined : this.zones.resolve({ name: target, type: query.type });
    if (!target || !found) {
      const exists = query.key.split('.').length < zone.origin.split('.').length + countLabels(zone.target);
      return { code: exists ? codes.ok : codes.nameError, isAuthoritative: true };
    }
    if (found.code !== codes.ok) return { ...found, answers: [] };
    const alias = { name: query.name, type: 'CNAME', ttl: aliasTtl, data: target };
    const isEmpty = (found.answers ?? []).length === 0;
    return isEmpty ? found : { ...found, answers: [alias, ...(found.answers ?? [])] };
  }
}

function targetOf({ origin, target }: AliasZone, key: string): string | undefined {
  const labels = key.slice(0, -origin.length - 1).split('.');
  const count = countLabels(target);
  if (key === origin || labels.length < count) return undefined;
  const [rest, own] = [labels.slice(0, -count), labels.slice(-count)];
  const name = target.replaceAll(/\{(\d)\}/g, (_, index: string) => own[Number(index) - 1] ?? '');
  return [...rest, name].join('.');
}

function countLabels(target: string): number {
  return Math.max(...[...target.matchAll(/\{(\d)\}/g)].map(([, index]) => Number(index)));
}

/** The same question about another name. */
function questionFor(name: string, { bytes, questionEnd }: DnsQuery): DnsQuery {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  const labels = name.split('.').map((label) => Buffer.from(` ${label}`, 'latin1'));
  for (const label of labels) label.writeUInt8(label.length - 1, 0);
  const question = [...labels, Buffer.from([0]), bytes.subarray(questionEnd - 4, questionEnd)];
  const query = parseQuery(Buffer.concat([header, ...question]));
  if (query === null || 'code' in query) throw new RangeError(`${name} is no name to ask for`);
  return query;
}
