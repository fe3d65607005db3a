import type { Logger } from '@skyarc/lib/log';
import type { KubeClient } from '../client/index.ts';
import type { KubeletConfig } from './config.ts';
import type { Containerd } from './engine/containerd.ts';
import type { UsageMeter } from './usage/meter.ts';
import type { Pod } from './pod.ts';
import type { TokenSource } from './volumes/tokens.ts';

export interface KubeletOptions {
  readonly instance: string;
  /** Folder of the pods' volumes. */
  readonly home: string;
  readonly podCidr: string;
  readonly config: KubeletConfig;
}

export interface KubeletDeps {
  readonly client: KubeClient;
  readonly engine: Containerd;
  readonly meter: UsageMeter;
  readonly log: Logger;
  readonly dns: { readonly clusterDomain: string; readonly clusterDns: string };
  /** Issues a token for a pod's service account, if the cluster does. */
  readonly issueToken?: TokenSource;
  /** Environment of every container, such as where the API server is. */
  readonly clusterEnvironment?: Readonly<Record<string, string>>;
  /** Called when a pod has its address and before anything runs in it; resolves when it may. */
  readonly admit?: (pod: Pod, address: string) => Promise<void>;
}
