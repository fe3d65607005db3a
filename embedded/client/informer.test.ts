import { AppError } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import { expect, test } from 'vitest';
import type { KindTable, KubeClient, WatchEvent } from './index.ts';
import { Informer } from './informer.ts';

type ConfigMap = KindTable['configmaps'];
const log = createLogger('test');
log.level = 'silent';

/** A source of config maps whose watch can lose events, break and expire, as etcd's can. */
class UnreliableSource {
  readonly objects = new Map<string, ConfigMap>();
  readonly watches: string[] = [];
  lose = false;
  private revision = 10;
  private history: WatchEvent<ConfigMap>[] = [];
  private compactedAt = 0;
  private wake = Promise.withResolvers<void>();
  private breakWith: Error | undefined;

  put(name: string, data: Record<string, string> = {}): void {
    this.revision += 1;
    const known = this.objects.has(name);
    const uid = this.objects.get(name)?.metadata?.uid ?? `uid-${this.revision}`;
    const object = { metadata: { name, namespace: 'n', uid, resourceVersion: String(this.revision) }, data };
    this.objects.set(name, object);
    this.tell({ type: known ? 'MODIFIED' : 'ADDED', object });
  }

  remove(name: string): void {
    this.revision += 1;
    const object = this.objects.get(name);
    this.objects.delete(name);
    this.tell({
      type: 'DELETED',
      object: { ...object, metadata: { ...object?.metadata, resourceVersion: String(this.revision) } },
    });
  }

  compact(): void {
    this.compactedAt = this.revision;
    this.history = [];
  }

  break(error: Error): void {
    this.breakWith = error;
    this.ring();
  }

  client(): KubeClient {
    return {
      list: async () => ({ items: [...this.objects.values()], resourceVersion: String(this.revision) }),
      watch: (_resource: string, options: { resourceVersion: string; signal: AbortSignal }) => {
        this.watches.push(options.resourceVersion);
        return this.follow(Number(options.resourceVersion), options.signal);
      },
    } as unknown as KubeClient;
  }

  private tell(event: WatchEvent<ConfigMap>): void {
    if (this.lose) return;
    this.history.push(event);
    this.ring();
  }

  private ring(): void {
    this.wake.resolve();
    this.wake = Promise.withResolvers();
  }

  private async *follow(since: number, signal: AbortSignal): AsyncGenerator<WatchEvent<ConfigMap>> {
    if (since < this.compactedAt)
      throw new AppError('CONFLICT', 'too old', { details: { reason: 'Expired' } });
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    for (let seen = since; !signal.aborted;) {
      const news = this.history.filter((event) => Number(event.object.metadata?.resourceVersion) > seen);
      for (const event of news) {
        seen = Number(event.object.metadata?.resourceVersion);
        yield event;
      }
      if (this.breakWith) {
        const error = this.breakWith;
        this.breakWith = undefined;
        throw error;
      }
      if (news.length === 0) await Promise.race([this.wake.promise, aborted]);
    }
  }
}

async function follow(source: UnreliableSource, repairEveryMs = 60_000) {
  const informer = new Informer(source.client(), 'configmaps', { log, repairEveryMs });
  const seen: string[] = [];
  informer.on({
    add: (object) => seen.push(`+${object.metadata?.name}`),
    update: (object) => seen.push(`~${object.metadata?.name}`),
    delete: (object) => seen.push(`-${object.metadata?.name}`),
  });
  await informer.start();
  return { informer, seen };
}

test('handlers see the list, then changes; late handlers see what is there', async () => {
  const source = new UnreliableSource();
  source.put('a');
  const { informer, seen } = await follow(source);
  expect(seen).toEqual(['+a']);
  source.put('b');
  source.put('a', { x: '1' });
  source.remove('b');
  await expect.poll(() => seen).toEqual(['+a', '+b', '~a', '-b']);
  const late: string[] = [];
  informer.on({ add: (object) => late.push(object.metadata?.name ?? '') });
  expect(late).toEqual(['a']);
  expect(informer.store.by('namespace', 'n')).toHaveLength(1);
  expect(informer.store.by('namespace', 'other')).toHaveLength(0);
  await informer.stop();
});

test('a broken watch resumes where it was, without a second list and without repeats', async () => {
  const source = new UnreliableSource();
  const { informer, seen } = await follow(source);
  source.put('a');
  await expect.poll(() => seen).toEqual(['+a']);
  source.break(new Error('connection reset'));
  source.put('b');
  await expect.poll(() => source.watches.length).toBe(2);
  await expect.poll(() => seen).toEqual(['+a', '+b']);
  expect(Number(source.watches[1])).toBeGreaterThan(Number(source.watches[0]));
  await informer.stop();
});

test('an expired watch lists again and finds what happened meanwhile', async () => {
  const source = new UnreliableSource();
  source.put('gone');
  source.put('kept');
  const { informer, seen } = await follow(source);
  source.lose = true;
  source.remove('gone');
  source.put('new');
  source.put('kept', { x: '1' });
  source.lose = false;
  source.compact();
  source.break(new Error('connection reset'));
  await expect.poll(() => seen.slice(2).toSorted()).toEqual(['+new', '-gone', '~kept']);
  await informer.stop();
});

test('lost events are repaired by list-and-compare, also a replacement under the same name', async () => {
  const source = new UnreliableSource();
  source.put('a');
  source.put('b');
  const { informer, seen } = await follow(source, 30);
  source.lose = true;
  source.remove('a');
  source.remove('b');
  source.put('b');
  source.put('c');
  await expect.poll(() => seen).toEqual(['+a', '+b', '-b', '+b', '+c', '-a']);
  source.lose = false;
  source.put('d');
  await expect.poll(() => seen.at(-1)).toBe('+d');
  await informer.stop();
});

test('stop ends a waiting watch', async () => {
  const { informer, seen } = await follow(new UnreliableSource());
  await informer.stop();
  expect(seen).toEqual([]);
});
