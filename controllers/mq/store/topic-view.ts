import type {
  CursorRecord,
  DeliveryRecord,
  HeadRecord,
  IdsRecord,
  MessageRecord,
  ParsedKey,
  TopicLimits,
} from './records.ts';
import { decodeSegment, type Segment } from './segment.ts';

const minuteMs = 60_000;

/** What this node knows of one consumer group. */
export interface GroupView {
  settledTo: number;
  /** 0 until the group's cursor was seen. */
  cursorRevision: number;
  readonly deliveries: Map<number, DeliveryRecord & { readonly modRevision: number }>;
}

/** A record of etcd: its bytes, or what this node itself has just written. */
export type StoredValue = Buffer | { readonly segment: Segment } | null;

interface StoredSegment {
  readonly last: number;
  readonly modRevision: number;
}

/** What this node knows of one topic: a copy of its records in etcd, a little behind. */
export class TopicView {
  readonly name: string;
  head = { last: 0, modRevision: 0 };
  limits: TopicLimits | undefined;
  /** By first sequence, in order. */
  readonly segments = new Map<number, StoredSegment>();
  readonly messages = new Map<number, MessageRecord>();
  /** Sequences of the message ids of late, the oldest first. */
  readonly ids = new Map<string, { readonly sequence: number; readonly publishedMs: number }>();
  readonly groups = new Map<string, GroupView>();
  bytes = 0;
  /** Newest sequences of the last minute, a second apart. */
  private readonly pace: { readonly atMs: number; readonly last: number }[] = [];
  /** Every message up to here was seen, or the ids of those that are gone. */
  completeTo = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Whether all is known that the newest known commit builds on. */
  get isComplete(): boolean {
    return this.completeTo >= this.head.last;
  }

  apply(key: ParsedKey, value: StoredValue, modRevision: number): void {
    switch (key.kind) {
      case 'head':
        if (value) this.advance((parse(value) as HeadRecord).last, modRevision);
        break;
      case 'settings':
        this.limits = value ? (parse(value) as TopicLimits) : undefined;
        break;
      case 'segment':
        this.applySegment(key.first, value, modRevision);
        break;
      case 'ids':
        if (value) this.applyIds(parse(value) as IdsRecord);
        break;
      case 'cursor': {
        if (!value) {
          this.groups.delete(key.group);
          break;
        }
        const group = this.group(key.group);
        group.settledTo = (parse(value) as CursorRecord).settledTo;
        group.cursorRevision = modRevision;
        break;
      }
      case 'delivery': {
        if (!value) this.groups.get(key.group)?.deliveries.delete(key.sequence);
        else {
          const record = parse(value) as DeliveryRecord;
          this.group(key.group).deliveries.set(key.sequence, { ...record, modRevision });
        }
        break;
      }
    }
  }

  /** Messages stored in the last minute, as far as this node runs that long. */
  publishedLately(nowMs: number): number {
    const before = this.pace.findLast(({ atMs }) => atMs < nowMs - minuteMs) ?? this.pace[0];
    return before ? this.head.last - before.last : 0;
  }

  /** Forgets ids of messages published before, and the oldest of too many. */
  forgetIds(beforeMs: number, most: number): void {
    for (const [id, { publishedMs }] of this.ids) {
      if (publishedMs >= beforeMs && this.ids.size <= most) return;
      this.ids.delete(id);
    }
  }

  private advance(last: number, modRevision: number): void {
    const atMs = Date.now();
    const newest = this.pace.at(-1);
    if (!newest || newest.atMs < atMs - 1_000) this.pace.push({ atMs, last: this.head.last || last });
    while (this.pace[1] && this.pace[1].atMs < atMs - minuteMs) this.pace.shift();
    this.head = { last, modRevision };
  }

  private applySegment(first: number, value: StoredValue, modRevision: number): void {
    const known = this.segments.get(first);
    const segment = value === null ? null : 'segment' in value ? value.segment : decodeSegment(value);
    if (known) {
      for (let sequence = first; sequence <= known.last; sequence += 1) {
        this.bytes -= this.messages.get(sequence)?.body.length ?? 0;
        this.messages.delete(sequence);
      }
    }
    if (!segment) {
      this.segments.delete(first);
      return;
    }
    const last = first + segment.length - 1;
    this.segments.set(first, { last, modRevision });
    if (this.completeTo === first - 1) this.completeTo = last;
    for (const [index, message] of segment.entries()) {
      if (!message) continue;
      const sequence = first + index;
      this.messages.set(sequence, message);
      this.bytes += message.body.length;
      this.ids.set(message.messageId, { sequence, publishedMs: message.publishedMs });
    }
  }

  private applyIds({ ids, publishedMs }: IdsRecord): void {
    for (const [id, sequence] of Object.entries(ids)) {
      if (!this.ids.has(id)) this.ids.set(id, { sequence, publishedMs });
    }
  }

  private group(name: string): GroupView {
    let group = this.groups.get(name);
    if (!group) {
      group = { settledTo: 0, cursorRevision: 0, deliveries: new Map() };
      this.groups.set(name, group);
    }
    return group;
  }
}

function parse(value: Exclude<StoredValue, null>): unknown {
  return Buffer.isBuffer(value) ? (JSON.parse(value.toString()) as unknown) : value;
}
