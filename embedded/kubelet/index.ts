import type { Logger } from '@skyarc/lib/log';
import type { NodeProxy } from '../apiserver/node-proxy.ts';
import type { KubeletConfig } from './config.ts';
import type { Containerd } from './engine/containerd.ts';
import { NodeAgent } from './node-agent.ts';
import { CriNodeProxy } from './node-proxy.ts';
import type { KubeletDeps, KubeletOptions } from './options.ts';
import { RuntimeReader } from './pod-runtime.ts';
import { UsageMeter } from './usage/meter.ts';

export type { KubeletConfig } from './config.ts';
export type { TokenSource } from './volumes/tokens.ts';
export type { KubeletDeps, KubeletOptions } from './options.ts';
export type { UsageMeter } from './usage/meter.ts';
export { stopAllPods } from './halt.ts';
export { startContainerd, type Containerd } from './engine/containerd.ts';

export interface Kubelet {
  readonly nodeName: string;
  /** Ends the watching; pods go on. */
  stop(): Promise<void>;
}

/** Begins to sample what this node's pods use, for metrics.k8s.io and the node's pages; needs nothing but the engine. */
export function startUsageMeter(options: {
  readonly engine: Containerd;
  readonly instance: string;
  readonly config: Pick<KubeletConfig, 'nodeName' | 'usage'>;
  readonly log: Logger;
}): UsageMeter {
  const { engine, instance, config, log } = options;
  const { nodeName, usage } = config;
  return new UsageMeter({ cri: engine.cri, instance, nodeName, everyMs: usage.everyMs, log });
}

/** The streams of this node's pods and the node's pages for the API server. */
export function createNodeProxy(engine: Containerd, podLogRoot: string, meter: UsageMeter): NodeProxy {
  return new CriNodeProxy(engine.cri, podLogRoot, meter);
}

/** Addresses of all pods that an engine knows, also of dead ones. */
export function listPodAddresses({ cri }: Containerd): Promise<string[]> {
  return new RuntimeReader(cri).listAddresses();
}

/** Registers the node and brings its pods to where the API says they should be, until stopped. */
export async function startKubelet(options: KubeletOptions, deps: KubeletDeps): Promise<Kubelet> {
  const kubelet = await NodeAgent.create(options, deps);
  await kubelet.start();
  return kubelet;
}
