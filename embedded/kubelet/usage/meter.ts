import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { ContainerUsage, MetricsSource, NodeUsage, PodUsage } from '../../apiserver/metrics-source.ts';
import type { NodePage } from '../../apiserver/node-proxy.ts';
import { possiblePodCgroups } from '../cgroup.ts';
import type { CriClient } from '../cri/client.ts';
import { podLabels } from '../render/sandbox.ts';
import { findProcess, hasCgroup, readCgroupUsage, type CgroupUsage } from './cgroup-usage.ts';
import type { PodDiskUsage } from './disk.ts';
import { readLinks, type LinkUsage } from './network-usage.ts';
import { readCpuNanos, readMemory, type MemoryFacts } from './node-usage.ts';
import { renderNodePage } from './pages.ts';

export interface UsageMeterOptions {
  readonly cri: CriClient;
  readonly instance: string;
  readonly nodeName: string;
  /** Time between two samples, in milliseconds. */
  readonly everyMs: number;
  readonly log: Logger;
}

/** One container at one moment. */
export interface ContainerSample extends CgroupUsage {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly cgroup: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

/** One running pod at one moment. */
export interface PodSample {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly cgroup: string;
  readonly containers: readonly ContainerSample[];
  readonly links: readonly LinkUsage[];
}

/** The whole node at one moment. */
export interface UsageSample {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly cpuNanos: number;
  readonly memory: MemoryFacts;
  readonly pods: readonly PodSample[];
}

/** What pods take of the disk, by pod uid. */
export type DiskSource = () => ReadonlyMap<string, PodDiskUsage>;

/** Rates are there this soon after the start. */
const firstWindowMs = 2_000;

/** Samples what the pods of this node use, from control groups and /proc alone: no command runs in a pod. */
export class UsageMeter implements MetricsSource {
  private readonly options: UsageMeterOptions;
  private readonly stopping = new AbortController();
  /** By pod uid, since a pod stays where it is. */
  private readonly cgroups = new Map<string, string>();
  private before: UsageSample | undefined;
  private now: UsageSample | undefined;
  private readonly loop: Promise<void>;
  private disk: DiskSource = () => new Map();

  constructor(options: UsageMeterOptions) {
    this.options = options;
    this.loop = this.follow();
  }

  /** The newest sample and the one before it, from which rates are made. */
  get samples(): { before: UsageSample | undefined; now: UsageSample | undefined } {
    return { before: this.before, now: this.now };
  }

  /** Where the pages take from what pods have on disk. */
  readDiskFrom(source: DiskSource): void {
    this.disk = source;
  }

  /** A page that the kubelet serves of this node; null when there is none at the path. */
  page(path: string): NodePage | null {
    return renderNodePage(path, this.options.nodeName, this.samples, this.disk());
  }

  async podMetrics(): Promise<readonly PodUsage[]> {
    const { before, now } = this;
    if (!before || !now) return [];
    const window = windowOf(before, now);
    const known = new Map(before.pods.flatMap(({ containers }) => containers.map((each) => [each.id, each])));
    return now.pods.flatMap(({ namespace, name, containers }) => {
      const usages = containers.flatMap((sample): ContainerUsage[] => {
        const earlier = known.get(sample.id);
        if (!earlier) return [];
        const cpuNanoCores = rateOf(earlier.cpuNanos, sample.cpuNanos, window.windowSeconds);
        return [{ name: sample.name, cpuNanoCores, memoryWorkingSetBytes: sample.workingSetBytes }];
      });
      return usages.length === 0 ? [] : [{ namespace, name, containers: usages, ...window }];
    });
  }

  async nodeMetrics(): Promise<readonly NodeUsage[]> {
    const { before, now } = this;
    if (!before || !now) return [];
    const window = windowOf(before, now);
    const cpuNanoCores = rateOf(before.cpuNanos, now.cpuNanos, window.windowSeconds);
    const memoryWorkingSetBytes = now.memory.workingSetBytes;
    return [{ name: this.options.nodeName, cpuNanoCores, memoryWorkingSetBytes, ...window }];
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        const sample = await this.sample();
        this.before = this.now;
        this.now = sample;
      } catch (error) {
        this.options.log.warn({ reason: messageOf(error) }, 'cannot sample what pods use');
      }
      const { everyMs } = this.options;
      await sleep(this.before ? everyMs : Math.min(everyMs, firstWindowMs), signal).catch(() => undefined);
    }
  }

  private async sample(): Promise<UsageSample> {
    const { cri } = this.options;
    const [{ items }, { containers }] = await Promise.all([
      cri.call('ListPodSandbox', {}),
      cri.call('ListContainers', {}),
    ]);
    const running = containers.filter(({ state }) => state === 'CONTAINER_RUNNING');
    const pods: PodSample[] = [];
    for (const { id: sandboxId, state, metadata } of items) {
      if (state !== 'SANDBOX_READY') continue;
      const { namespace, name, uid } = metadata;
      const cgroup = await this.findCgroup(uid);
      if (cgroup === undefined) continue;
      const own = running.filter(({ podSandboxId }) => podSandboxId === sandboxId);
      const samples = await Promise.all(
        own.map(async ({ id, labels, metadata: { name: fallback }, imageRef, createdAt }) => {
          const usage = await readCgroupUsage(`${cgroup}/${id}`);
          if (!usage) return [];
          const facts = { id, name: labels[podLabels.container] ?? fallback, image: imageRef };
          const createdAtMs = Number(BigInt(createdAt) / 1_000_000n);
          return [{ ...usage, ...facts, cgroup: `${cgroup}/${id}`, createdAtMs }];
        }),
      );
      const pid = await findProcess(`${cgroup}/${sandboxId}`);
      const links = pid === null ? [] : await readLinks(pid);
      pods.push({ namespace, name, uid, cgroup, containers: samples.flat(), links });
    }
    for (const uid of this.cgroups.keys()) if (!pods.some((pod) => pod.uid === uid)) this.cgroups.delete(uid);
    return { atMs: Date.now(), cpuNanos: await readCpuNanos(), memory: await readMemory(), pods };
  }

  private async findCgroup(podUid: string): Promise<string | undefined> {
    const known = this.cgroups.get(podUid);
    if (known !== undefined) return known;
    for (const cgroup of possiblePodCgroups(this.options.instance, podUid)) {
      if (!(await hasCgroup(cgroup))) continue;
      this.cgroups.set(podUid, cgroup);
      return cgroup;
    }
    return undefined;
  }
}

function windowOf(before: UsageSample, now: UsageSample): { timestamp: string; windowSeconds: number } {
  return {
    timestamp: new Date(now.atMs).toISOString(),
    windowSeconds: Math.max(0.001, (now.atMs - before.atMs) / 1_000),
  };
}

function rateOf(before: number, now: number, seconds: number): number {
  return Math.max(0, Math.round((now - before) / seconds));
}
