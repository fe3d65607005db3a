import { EtcdClient } from '@skyarc/lib/etcd';
import { Stack } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import { Keys } from './keys.ts';
import { kinds } from './kinds/index.ts';
import { Reader } from './reader.ts';
import { Registry } from './registry.ts';
import { Storage } from './storage.ts';
import { WatchCache } from './watch-cache.ts';

export interface ClusterStore {
  readonly registry: Registry;
  readonly cache: WatchCache;
  stop(): Promise<void>;
}

/** The objects of one cluster on etcd, loaded and followed, without any listener. */
export async function openClusterStore(options: {
  readonly etcdUrl: string;
  readonly etcdPrefix: string;
  readonly serviceCidr: string;
  readonly log: Logger;
}): Promise<ClusterStore> {
  const stack = new Stack();
  const etcd = stack.use(new EtcdClient({ url: options.etcdUrl }), (client) => client.close());
  const keys = new Keys(options.etcdPrefix);
  const cache = new WatchCache({ etcd, keys, kinds, log: options.log });
  stack.add(() => cache.stop());
  try {
    await cache.start();
  } catch (error) {
    await stack.stop();
    throw error;
  }
  const reader = new Reader({ etcd, keys, cache });
  const storage = new Storage({ etcd, keys, cache });
  const registry = new Registry({ reader, storage, kinds, serviceCidr: options.serviceCidr });
  return { registry, cache, stop: () => stack.stop() };
}
