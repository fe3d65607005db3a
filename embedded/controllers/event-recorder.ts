import { randomBytes } from 'node:crypto';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { KubeClient, KubeObject } from '../client/index.ts';
import { timestamp } from './kinds.ts';

export interface EventInput {
  /** The object that the event is about; needs kind and apiVersion, which lists may omit. */
  readonly about: KubeObject & { kind: string; apiVersion: string };
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

interface Recorded {
  readonly name: string;
  readonly namespace: string;
  count: number;
}

const maxRemembered = 4_096;

/** Records Kubernetes events; the same one again only raises its count. Never fails its caller. */
export class EventRecorder {
  private readonly client: KubeClient;
  private readonly component: string;
  private readonly log: Logger;
  private readonly known = new Map<string, Recorded>();
  private last: Promise<void> = Promise.resolve();

  constructor(client: KubeClient, options: { component: string; log: Logger }) {
    this.client = client;
    this.component = options.component;
    this.log = options.log;
  }

  /** Writes behind the caller's back, in order. */
  record(event: EventInput): void {
    this.last = this.last
      .then(() => this.write(event))
      .catch((error: unknown) => {
        this.log.debug({ reason: event.reason, error: messageOf(error) }, 'event lost');
      });
  }

  /** Resolves when all recorded events are written. */
  async flush(): Promise<void> {
    await this.last;
  }

  private async write(event: EventInput): Promise<void> {
    const { name = '', namespace, uid } = event.about.metadata ?? {};
    const key = [uid, event.type, event.reason, event.message].join('|');
    const known = this.known.get(key);
    const now = timestamp();
    if (known && (await this.countUp(known, now))) return;
    const home = namespace ?? 'default';
    const recorded: Recorded = {
      name: `${name}.${randomBytes(8).toString('hex')}`,
      namespace: home,
      count: 1,
    };
    await this.client.create('events', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: recorded.name, namespace: home },
      involvedObject: {
        apiVersion: event.about.apiVersion,
        kind: event.about.kind,
        name,
        namespace,
        uid,
        resourceVersion: event.about.metadata?.resourceVersion,
      },
      reason: event.reason,
      message: event.message,
      type: event.type,
      source: { component: this.component },
      reportingComponent: this.component,
      reportingInstance: '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
    this.remember(key, recorded);
  }

  /** False when the event is gone by now and must be written anew. */
  private async countUp(known: Recorded, now: string): Promise<boolean> {
    try {
      const patch = { count: known.count + 1, lastTimestamp: now };
      await this.client.patch('events', known.name, known.namespace, patch);
      known.count += 1;
      return true;
    } catch {
      return false;
    }
  }

  private remember(key: string, recorded: Recorded): void {
    this.known.set(key, recorded);
    if (this.known.size <= maxRemembered) return;
    const [oldest] = this.known.keys();
    if (oldest !== undefined) this.known.delete(oldest);
  }
}
