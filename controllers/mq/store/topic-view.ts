import type {
  CursorRecord,
  DeliveryRecord,
  HeadRecord,
  MessageIdRecord,
  MessageRecord,
  ParsedKey,
} from './records.ts';

/** What this node knows of one consumer group. */
export interface GroupView {
  settledTo: number;
  /** 0 until the group's cursor was seen. */
  cursorRevision: number;
  readonly deliveries: Map<number, DeliveryRecord & { readonly modRevision: number }>;
}

/** What this node knows of one topic: a copy of its records in etcd, a little behind. */
export class TopicView {
  readonly name: string;
  head = { last: 0, modRevision: 0 };
  readonly messages = new Map<number, MessageRecord>();
  readonly ids = new Map<string, MessageIdRecord>();
  readonly groups = new Map<string, GroupView>();
  bytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  apply(key: ParsedKey, value: Buffer | null, modRevision: number): void {
    switch (key.kind) {
      case 'head':
        if (value) this.head = { last: (parse(value) as HeadRecord).last, modRevision };
        break;
      case 'message':
        this.bytes -= this.messages.get(key.sequence)?.body.length ?? 0;
        if (!value) this.messages.delete(key.sequence);
        else {
          const message = parse(value) as MessageRecord;
          this.messages.set(key.sequence, message);
          this.bytes += message.body.length;
        }
        break;
      case 'id':
        if (value) this.ids.set(key.messageId, parse(value) as MessageIdRecord);
        else this.ids.delete(key.messageId);
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
        const group = this.group(key.group);
        if (value) group.deliveries.set(key.sequence, { ...(parse(value) as DeliveryRecord), modRevision });
        else group.deliveries.delete(key.sequence);
        break;
      }
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

function parse(value: Buffer): unknown {
  return JSON.parse(value.toString()) as unknown;
}
