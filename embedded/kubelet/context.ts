import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@skyarc/lib/log';
import type { KubeClient } from '../client/index.ts';
import { EventRecorder } from '../controllers/event-recorder.ts';
import type { KubeletConfig } from './config.ts';
import type { CriClient } from './cri/client.ts';
import { ImagePuller } from './images.ts';
import { findNodeAddress } from './node.ts';
import type { KubeletDeps, KubeletOptions } from './options.ts';
import { identityOf, type Pod } from './pod.ts';
import { RuntimeReader } from './pod-runtime.ts';
import { Prober } from './probes/index.ts';
import type { NodeFacts } from './render/environment.ts';
import type { DnsFacts } from './render/sandbox.ts';
import { StatusWriter } from './status-writer.ts';
import type { PayloadInput } from './volumes/sources.ts';
import { cacheTokens } from './volumes/tokens.ts';

/** What the parts of a kubelet have in common. */
export interface NodeContext {
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
  /** Resolves when the network's policies hold for a pod at its address. */
  readonly admit: (pod: Pod, address: string) => Promise<void>;
  /** Aborted when this process leaves the pods to the next one. */
  readonly signal: AbortSignal;
  /** Folder of a pod's volumes and files. */
  podFolder(pod: Pod): string;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** What every pod's worker works with. */
export interface KubeletContext extends NodeContext {
  /** Has the pod's worker called again, now or after a time. */
  requeue(podUid: string, delayMs?: number): void;
}

export function createNodeContext(
  { config, instance, home }: KubeletOptions,
  deps: KubeletDeps,
  dns: DnsFacts,
  signal: AbortSignal,
): NodeContext {
  const { client, engine, log, issueToken } = deps;
  const events = new EventRecorder(client, { component: 'kubelet', log });
  return {
    instance,
    config,
    client,
    dns,
    log,
    signal,
    cri: engine.cri,
    reader: new RuntimeReader(engine.cri),
    prober: new Prober(engine.cri),
    images: new ImagePuller(engine.cri, client),
    status: new StatusWriter(client),
    node: {
      name: config.nodeName,
      address: config.nodeAddress ?? findNodeAddress(instance),
      cpus: availableParallelism() - config.reserved.cpu,
      memoryBytes: totalmem() - config.reserved.memoryBytes,
    },
    lookups: {
      configMap: (namespace, name) => client.find('configmaps', name, namespace),
      secret: (namespace, name) => client.find('secrets', name, namespace),
      serviceAccountToken: issueToken && cacheTokens(issueToken),
    },
    admit: deps.admit ?? (async () => undefined),
    clusterEnvironment: new Map(Object.entries(deps.clusterEnvironment ?? {})),
    podFolder: (pod) => join(home, 'pods', identityOf(pod).uid),
    record: (pod, type, reason, message) =>
      events.record({ about: { ...pod, kind: 'Pod', apiVersion: 'v1' }, type, reason, message }),
  };
}
