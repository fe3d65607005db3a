import { codes, type DnsQuery, type DnsRecord, type DnsReply, type RecordData } from './message.ts';

/** `[owner, type, data]`; the owner in lower case, whole and without its last dot; its first label may be `*`. */
export type ZoneRecord = readonly [name: string, type: string, data: RecordData];

/** A zone as JSON carries it. */
export interface ZoneData {
  readonly origin: string;
  /** Seconds, of all its records. */
  readonly ttl: number;
  /** Seconds that a "no" holds (RFC 2308). */
  readonly negativeTtl: number;
  readonly serial: number;
  /** Names of its servers; the first is the primary. */
  readonly nameServers: readonly string[];
  readonly hostmaster: string;
  readonly records: readonly ZoneRecord[];
}

export interface ZoneAnswer extends DnsReply {
  /** The name outside of the zone that an alias leads to, and where the answer goes on. */
  readonly leadsTo?: string;
}

const maxAliases = 8;

/** Answers by authority for one zone (RFC 1034, 4.3.2), wildcards as in RFC 4592. */
export class Zone {
  readonly data: ZoneData;
  private readonly byName = new Map<string, Map<string, RecordData[]>>();

  constructor(data: ZoneData) {
    this.data = data;
    const { origin, nameServers } = data;
    this.nodeOf(origin).set('SOA', [this.soa()]);
    this.nodeOf(origin).set('NS', [...nameServers]);
    for (const [name, type, value] of data.records) {
      const node = this.nodeOf(name);
      node.set(type, [...(node.get(type) ?? []), value]);
    }
  }

  /** True for the origin and all names below. */
  covers(key: string): boolean {
    return key === this.data.origin || key.endsWith(`.${this.data.origin}`);
  }

  /** The answer to a question about a name of this zone; its records carry the name as it was asked. */
  resolve(name: string, type: string): ZoneAnswer {
    const answers: DnsRecord[] = [];
    let owner = name;
    for (let hops = 0; hops < maxAliases; hops += 1) {
      const key = owner.toLowerCase();
      if (!this.covers(key)) return { ...this.found(answers), leadsTo: owner };
      const node = this.findNode(key);
      if (!node) return this.negative(codes.nameError, answers);
      if (type === 'ANY') {
        // RFC 8482: little, so that nobody gains by asking for everything.
        return this.found([this.record(owner, 'HINFO', { cpu: 'RFC8482', os: '' })]);
      }
      const alias = node.get('CNAME')?.[0];
      if (typeof alias === 'string' && type !== 'CNAME') {
        answers.push(this.record(owner, 'CNAME', alias));
        owner = alias;
        continue;
      }
      const values = node.get(type) ?? [];
      if (values.length === 0) return this.negative(codes.ok, answers);
      answers.push(...rotate(values).map((data) => this.record(owner, type, data)));
      return { ...this.found(answers), additionals: this.addressesOf(answers) };
    }
    return { code: codes.serverFailure };
  }

  private found(answers: readonly DnsRecord[]): DnsReply {
    return { code: codes.ok, isAuthoritative: true, answers };
  }

  private negative(code: number, answers: readonly DnsRecord[]): DnsReply {
    const { origin, negativeTtl } = this.data;
    const soa = { name: origin, type: 'SOA', ttl: negativeTtl, data: this.soa() };
    return { code, isAuthoritative: true, answers, authorities: [soa] };
  }

  /** Addresses of the hosts that answers name, for a client's next question. */
  private addressesOf(answers: readonly DnsRecord[]): DnsRecord[] {
    const hosts = answers.flatMap(({ type, data }) => {
      if (type === 'NS') return [data as string];
      return type === 'SRV' ? [(data as { target: string }).target] : [];
    });
    return [...new Set(hosts)].flatMap((host) => {
      const node = this.covers(host) ? this.findNode(host) : undefined;
      return ['A', 'AAAA'].flatMap((type) =>
        (node?.get(type) ?? []).map((data) => this.record(host, type, data)),
      );
    });
  }

  private record(name: string, type: string, data: RecordData): DnsRecord {
    return { name, type, ttl: this.data.ttl, data };
  }

  /** The name's own records, or those of the wildcard below its closest encloser; undefined when it does not exist. */
  private findNode(key: string): ReadonlyMap<string, RecordData[]> | undefined {
    const own = this.byName.get(key);
    if (own) return own;
    for (let at = key.indexOf('.'); at >= 0; at = key.indexOf('.', at + 1)) {
      const encloser = key.slice(at + 1);
      if (!this.byName.has(encloser)) continue;
      return this.byName.get(`*.${encloser}`);
    }
    return undefined;
  }

  /** The name's records; all names between it and the origin then exist too, without any (RFC 8020). */
  private nodeOf(name: string): Map<string, RecordData[]> {
    for (let each = name; this.covers(each); each = each.slice(each.indexOf('.') + 1)) {
      if (!this.byName.has(each)) this.byName.set(each, new Map());
      if (each === this.data.origin) break;
    }
    const node = this.byName.get(name) ?? new Map<string, RecordData[]>();
    this.byName.set(name, node);
    return node;
  }

  private soa(): RecordData {
    const { nameServers, hostmaster, serial, negativeTtl, origin } = this.data;
    return {
      mname: nameServers[0] ?? origin,
      rname: hostmaster,
      serial,
      refresh: 7_200,
      retry: 1_800,
      expire: 86_400,
      minimum: negativeTtl,
    };
  }
}

/** Several zones; the longest that covers a name answers for it. */
export class ZoneSet {
  private readonly byOrigin: ReadonlyMap<string, Zone>;

  constructor(zones: readonly ZoneData[]) {
    this.byOrigin = new Map(zones.map((data) => [data.origin, new Zone(data)]));
  }

  find(key: string): Zone | undefined {
    for (let name = key; ; name = name.slice(name.indexOf('.') + 1)) {
      const zone = this.byOrigin.get(name);
      if (zone || !name.includes('.')) return zone;
    }
  }

  /** Undefined when the name is in none of the zones. Aliases are followed from zone to zone. */
  resolve(query: Pick<DnsQuery, 'name' | 'type'>): ZoneAnswer | undefined {
    const zone = this.find(query.name.toLowerCase());
    if (!zone) return undefined;
    let answer = zone.resolve(query.name, query.type);
    for (let hops = 0; answer.leadsTo !== undefined && hops < maxAliases; hops += 1) {
      const next = this.find(answer.leadsTo.toLowerCase())?.resolve(answer.leadsTo, query.type);
      if (!next) break;
      answer = { ...next, answers: [...(answer.answers ?? []), ...(next.answers ?? [])] };
    }
    return answer;
  }
}

/** The same values from another beginning each time, so that clients who take the first share them. */
function rotate<T>(values: readonly T[]): T[] {
  const from = Math.floor(Math.random() * values.length);
  return [...values.slice(from), ...values.slice(0, from)];
}
