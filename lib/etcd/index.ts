export {
  EtcdClient,
  type Compare,
  type ListOptions,
  type ListResult,
  type Operation,
  type OperationReply,
  type TxnResult,
} from './client.ts';
export type { KeyValue } from './key-value.ts';
export type { EtcdLease } from './lease.ts';
export { etcdDaemonOf, startEtcd, etcdConfigSchema, type EtcdConfig, type RunningEtcd } from './server.ts';
export type { WatchBatch, WatchChange, WatchOptions } from './watch.ts';
