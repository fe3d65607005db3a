import { statfs } from 'node:fs/promises';
import type { KubeletConfig } from '../config.ts';
import { readMemory } from '../usage/node-usage.ts';

export type Scarce = 'memory' | 'ephemeral-storage' | 'inodes';

/** Less of something than the node needs to live. */
export interface Shortage {
  readonly resource: Scarce;
  /** As in messages: `available: 52428800, threshold: 104857600`. */
  readonly available: number;
  readonly threshold: number;
}

export type Pressure = 'MemoryPressure' | 'DiskPressure';

const pressureOf: Readonly<Record<Scarce, Pressure>> = {
  memory: 'MemoryPressure',
  'ephemeral-storage': 'DiskPressure',
  inodes: 'DiskPressure',
};

export interface PressureOptions {
  readonly config: KubeletConfig['eviction'];
  /** Folders on the file systems that must not become full. */
  readonly folders: readonly string[];
}

/** Watches memory and disk of the node, and holds a condition for a while after it has gone. */
export class PressureMonitor {
  private readonly options: PressureOptions;
  private now: ReadonlySet<Pressure> = new Set();
  private readonly lastSeenMs = new Map<Pressure, number>();

  constructor(options: PressureOptions) {
    this.options = options;
  }

  /** What there is too little of now. */
  async look(): Promise<Shortage[]> {
    const { config, folders } = this.options;
    const { availableBytes } = await readMemory();
    const found: Shortage[] = [
      { resource: 'memory', available: availableBytes, threshold: config.memoryAvailableBytes },
    ];
    for (const folder of folders) {
      const { blocks, bavail, bsize, files, ffree } = await statfs(folder);
      const share = Math.floor((blocks * bsize * config.diskFreePercent) / 100);
      const threshold = Math.min(share, config.diskFreeBytes);
      found.push({ resource: 'ephemeral-storage', available: bavail * bsize, threshold });
      // Some file systems have no bound of inodes.
      const fewest = Math.floor((files * config.inodesFreePercent) / 100);
      if (files > 0) found.push({ resource: 'inodes', available: ffree, threshold: fewest });
    }
    const shortages = found.filter(({ available, threshold }) => available < threshold);
    this.now = new Set(shortages.map(({ resource }) => pressureOf[resource]));
    for (const pressure of this.now) this.lastSeenMs.set(pressure, Date.now());
    return shortages;
  }

  has(pressure: Pressure): boolean {
    if (this.now.has(pressure)) return true;
    const seenMs = this.lastSeenMs.get(pressure);
    return seenMs !== undefined && Date.now() - seenMs <= this.options.config.holdMs;
  }
}
