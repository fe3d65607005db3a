import type { Logger } from '@skyarc/lib/log';
import type { KubeClient } from '../client/index.ts';
import type { KubeletConfig } from './config.ts';
import type { CriClient } from './cri/client.ts';
import type { ImagePuller } from './images.ts';
import type { Pod } from './pod.ts';
import type { RuntimeReader } from './pod-runtime.ts';
import type { Prober } from './probes/index.ts';
import type { NodeFacts } from './render/environment.ts';
import type { DnsFacts } from './render/sandbox.ts';
import type { StatusWriter } from './status-writer.ts';
import type { PayloadInput } from './volumes/sources.ts';

/** What every pod's worker works with. */
export interface KubeletContext {
  readonly instance: string;
  readonly config: KubeletConfig;
  readonly cri: CriClient;
  readonly client: KubeClient;
  readonly reader: RuntimeReader;
  readonly prober: Prober;
  readonly images: ImagePuller;
  readonly status: StatusWriter;
  readonly node: NodeFacts;
  readonly dns: DnsFacts;
  readonly lookups: PayloadInput['lookups'];
  readonly log: Logger;
  /** What every container is told of the cluster, under what it says itself. */
  readonly clusterEnvironment: ReadonlyMap<string, string>;
  /** Aborted when this process leaves the pods to the next one. */
  readonly signal: AbortSignal;
  /** Folder of a pod's volumes and files. */
  podFolder(pod: Pod): string;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Has the pod's worker called again, now or after a time. */
  requeue(podUid: string, delayMs?: number): void;
}
