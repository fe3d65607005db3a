/** `<prefix>/<topic>/m/<sequence>`: a message until all groups have settled it. */
export interface MessageRecord {
  readonly messageId: string;
  readonly key: string;
  /** Absent: the topic's unnamed one. */
  readonly lane?: string;
  readonly publishedMs: number;
  /** Base64. */
  readonly body: string;
  /** Of a dead letter: where it comes from and why. */
  readonly dead?: { readonly group: string; readonly attempts: number; readonly reason: string };
}

/** `<prefix>/<topic>/i/<message id>`: what makes publishing idempotent. */
export interface MessageIdRecord {
  readonly sequence: number;
  readonly publishedMs: number;
}

/** `<prefix>/<topic>/head`: the newest sequence. */
export interface HeadRecord {
  readonly last: number;
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
  | { readonly kind: 'head'; readonly topic: string }
  | { readonly kind: 'message'; readonly topic: string; readonly sequence: number }
  | { readonly kind: 'id'; readonly topic: string; readonly messageId: string }
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

  messages(topic: string): string {
    return `${this.root}${topic}/m/`;
  }

  message(topic: string, sequence: number): string {
    return `${this.messages(topic)}${padded(sequence)}`;
  }

  id(topic: string, messageId: string): string {
    return `${this.root}${topic}/i/${encodeURIComponent(messageId)}`;
  }

  cursor(topic: string, group: string): string {
    return `${this.root}${topic}/g/${group}/cursor`;
  }

  delivery(topic: string, group: string, sequence: number): string {
    return `${this.root}${topic}/g/${group}/d/${padded(sequence)}`;
  }

  /** Null for a key that none of the above makes. */
  parse(key: string): ParsedKey | null {
    const [topic = '', kind, name = '', record, sequence] = key.slice(this.root.length).split('/');
    if (kind === 'head') return { kind, topic };
    if (kind === 'm') return { kind: 'message', topic, sequence: Number(name) };
    if (kind === 'i') return { kind: 'id', topic, messageId: decodeURIComponent(name) };
    if (kind === 'g' && record === 'cursor') return { kind: 'cursor', topic, group: name };
    if (kind === 'g' && record === 'd')
      return { kind: 'delivery', topic, group: name, sequence: Number(sequence) };
    return null;
  }
}

function padded(sequence: number): string {
  return String(sequence).padStart(16, '0');
}
