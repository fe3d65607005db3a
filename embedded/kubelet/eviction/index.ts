import type { Logger } from '@skyarc/lib/log';
import type { KubeletConfig } from '../config.ts';
import { hasEnded, identityOf, qosClassOf, type Pod } from '../pod.ts';
import type { DiskMeter } from '../usage/disk.ts';
import type { UsageMeter } from '../usage/meter.ts';
import { findOverLimit } from './limits.ts';
import { PressureMonitor, type Pressure, type Shortage } from './pressure.ts';
import { rankForEviction, requestedBytes, type Candidate } from './ranking.ts';

export type { Pressure } from './pressure.ts';

/** A pod that holds less of the disk is not ended for it: that would free nothing. */
const minGainBytes = 1024 * 1024;

/** Images and the like are not collected more often than this. */
const freeDiskEveryMs = 60_000;

export interface EvictorOptions {
  readonly config: KubeletConfig['eviction'];
  readonly folders: readonly string[];
  readonly disk: DiskMeter;
  readonly usage: UsageMeter;
  readonly log: Logger;
  readonly pods: () => readonly Pod[];
  /** Fails a pod with reason Evicted. */
  readonly evict: (pod: Pod, message: string) => void;
  /** Removes what nobody needs from the disk. */
  readonly freeDisk: () => Promise<void>;
  readonly onPressureChange: () => Promise<void>;
}

/** Ends pods that take more than they may, and the least entitled one at a time when the node runs short. */
export class Evictor {
  private readonly options: EvictorOptions;
  private readonly pressure: PressureMonitor;
  private lastEvicted: string | undefined;
  private told = '';
  private isHelpless = false;
  private diskFreedAtMs = 0;

  constructor(options: EvictorOptions) {
    this.options = options;
    this.pressure = new PressureMonitor(options);
  }

  has(pressure: Pressure): boolean {
    return this.pressure.has(pressure);
  }

  /** Why a new pod may not start on this node now; undefined when it may. */
  refusalOf(pod: Pod): string | undefined {
    if (this.has('DiskPressure')) return 'The node had condition: [DiskPressure]. ';
    if (this.has('MemoryPressure') && qosClassOf(pod) === 'BestEffort') {
      return 'The node had condition: [MemoryPressure]. ';
    }
    return undefined;
  }

  /** Ends the pods that are over their own limits of disk. */
  async checkLimits(): Promise<void> {
    await this.options.disk.measure();
    for (const usage of this.options.disk.usages.values()) {
      const message = findOverLimit(usage);
      if (message !== undefined) this.options.evict(usage.pod, message);
    }
  }

  /** Looks at the node; when it runs short, frees disk, and if that does not help ends one pod. */
  async checkNode(): Promise<void> {
    let shortages = await this.pressure.look();
    await this.tellChange();
    const isDiskShort = shortages.some(({ resource }) => resource !== 'memory');
    if (isDiskShort && Date.now() - this.diskFreedAtMs >= freeDiskEveryMs) {
      this.diskFreedAtMs = Date.now();
      await this.options.freeDisk();
      shortages = await this.pressure.look();
    }
    const [shortage] = shortages;
    if (!shortage || this.isStillEnding()) return;
    const [first] = rankForEviction(this.candidatesFor(shortage), kindOf(shortage));
    if (!first && !this.isHelpless)
      this.options.log.warn(shortage, 'the node runs short and no pod can be ended');
    this.isHelpless = !first;
    if (!first) return;
    this.lastEvicted = identityOf(first.pod).uid;
    this.options.evict(first.pod, explain(shortage, first));
  }

  /** What the last one had must come free before another goes. */
  private isStillEnding(): boolean {
    const pod = this.options.pods().find((each) => identityOf(each).uid === this.lastEvicted);
    return pod !== undefined && !hasEnded(pod);
  }

  private candidatesFor(shortage: Shortage): Candidate[] {
    const pods = this.options.pods().filter((pod) => !hasEnded(pod) && !pod.metadata?.deletionTimestamp);
    const memory = new Map(
      (this.options.usage.samples.now?.pods ?? []).map(({ uid, containers }) => [
        uid,
        containers.reduce((sum, { workingSetBytes }) => sum + workingSetBytes, 0),
      ]),
    );
    const { usages } = this.options.disk;
    if (kindOf(shortage) === 'memory') {
      return pods.map((pod) => ({ pod, usedBytes: memory.get(identityOf(pod).uid) ?? 0 }));
    }
    return pods
      .map((pod) => ({ pod, usedBytes: usages.get(identityOf(pod).uid)?.ephemeralBytes ?? 0 }))
      .filter(({ usedBytes }) => usedBytes >= minGainBytes);
  }

  private async tellChange(): Promise<void> {
    const state = `${this.has('MemoryPressure')} ${this.has('DiskPressure')}`;
    if (state === this.told) return;
    this.told = state;
    await this.options.onPressureChange();
  }
}

function kindOf({ resource }: Shortage): 'memory' | 'ephemeral-storage' {
  return resource === 'memory' ? 'memory' : 'ephemeral-storage';
}

/** The kubelet's words. */
function explain(shortage: Shortage, { pod, usedBytes }: Candidate): string {
  const { resource, available, threshold } = shortage;
  const requested = requestedBytes(pod, kindOf(shortage));
  return (
    `The node was low on resource: ${resource}. Threshold quantity: ${threshold}, available: ${available}. ` +
    `Pod was using ${usedBytes}, request is ${requested}. `
  );
}
