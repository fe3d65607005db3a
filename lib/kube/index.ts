export { loadKubeConfig } from './config.ts';
export {
  KubeClient,
  isAlreadyExists,
  type DeleteOptions,
  type ListOptions,
  type PodRef,
  type WatchEvent,
} from './client.ts';
export { appliedAnnotation, ensureObject, type EnsureOutcome } from './ensure.ts';
export { Informer, type ChangeHandler, type InformerOptions } from './informer.ts';
export { infoOf, keyOf, type KindTable, type KubeObject, type Resource, type Wire } from './kinds.ts';
export { LeaderElection, type LeaderOptions, type Term } from './lease.ts';
export { threeWayPatch, traceOf, type Trace } from './merge.ts';
