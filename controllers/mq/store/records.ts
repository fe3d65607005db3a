/** A message as this node knows it; stored in segments (`segment.ts`). */
export interface MessageRecord {
  readonly messageId: string;
  readonly key: string;
  /** Absent: the topic's unnamed one. */
  readonly lane?: string;
  readonly publishedMs: number;
  readonly body: Buffer;
  /** Not handed out before; milliseconds since 1970. */
  readonly notBeforeMs?: number;
  /** Of a dead letter. */
  readonly dead?: DeadRecord;
}

/** Where a dead letter comes from and why. */
export interface DeadRecord {
  readonly messageId: string;
  readonly group: string;
  readonly attempts: number;
  readonly reason: string;
  readonly publishedMs: number;
}

/** `<prefix>/<topic>/head`: the newest sequence. */
export interface HeadRecord {
  readonly last: number;
}

/** `<prefix>/<topic>/i/<first sequence>`: ids of a segment that is gone, by which publishing stays idempotent. */
export interface IdsRecord {
  readonly publishedMs: number;
  readonly ids: Readonly<Record<string, number>>;
}

/** `<prefix>/<topic>/settings`; 0 as in the contract's `TopicLimits`. */
export interface TopicLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly retainMs: number;
  readonly retainMessages: number;
  readonly retainBytes: number;
}

/** `<prefix>/<topic>/g/<group>/cursor`: everything up to here is settled. */
export interface CursorRecord {
  readonly settledTo: number;
}

/** `<prefix>/<topic>/g/<group>/d/<sequence>`: one message for one group, from its first hand-out on. */
export interface DeliveryRecord {
  readonly state: 'out' | 'waiting' | 'settled';
  readonly deliveryId: string;
  readonly attempt: number;
  /** Of `out` the ack deadline, of `waiting` the earliest next hand-out; milliseconds since 1970. */
  readonly untilMs: number;
  readonly maxAttempts: number;
  readonly reason: string;
}

export type ParsedKey =
  | { readonly kind: 'head' | 'settings'; readonly topic: string }
  | { readonly kind: 'segment' | 'ids'; readonly topic: string; readonly first: number }
  | { readonly kind: 'cursor'; readonly topic: string; readonly group: string }
  | { readonly kind: 'delivery'; readonly topic: string; readonly group: string; readonly sequence: number };

/** The names of records in etcd. Topics and groups have no slash; sequences sort as text. */
export class Keys {
  readonly root: string;

  constructor(prefix: string) {
    this.root = `${prefix}/`;
  }

  head(topic: string): string {
    return `${this.root}${topic}/head`;
  }

  settings(topic: string): string {
    return `${this.root}${topic}/settings`;
  }

  /** Of all segments, or of the one that begins with a sequence. */
  segment(topic: string, first?: number): string {
    return `${this.root}${topic}/s/${first === undefined ? '' : padded(first)}`;
  }

  ids(topic: string, first?: number): string {
    return `${this.root}${topic}/i/${first === undefined ? '' : padded(first)}`;
  }

  group(topic: string, group: string): string {
    return `${this.root}${topic}/g/${group}/`;
  }

  cursor(topic: string, group: string): string {
    return `${this.group(topic, group)}cursor`;
  }

  delivery(topic: string, group: string, sequence: number): string {
    return `${this.group(topic, group)}d/${padded(sequence)}`;
  }

  /** Null for a key that none of the above makes. */
  parse(key: string): ParsedKey | null {
    const [topic = '', kind, name = '', record, sequence] = key.slice(this.root.length).split('/');
    if (kind === 'head' || kind === 'settings') return { kind, topic };
    if (kind === 's' || kind === 'i') {
      return { kind: kind === 's' ? 'segment' : 'ids', topic, first: Number(name) };
    }
    if (kind === 'g' && record === 'cursor') return { kind: 'cursor', topic, group: name };
    if (kind === 'g' && record === 'd')
      return { kind: 'delivery', topic, group: name, sequence: Number(sequence) };
    return null;
  }
}

function padded(sequence: number): string {
  return String(sequence).padStart(16, '0');
}
