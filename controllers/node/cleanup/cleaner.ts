import { statfs } from 'node:fs/promises';
import { cleaned, parseStored } from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { repeat } from '@skyarc/lib/retry';
import type { HealthRecord } from '../health/record.ts';
import type { CleanupConfig, Means } from './config.ts';
import { ContainerdImages } from './containerd.ts';

const commandTimeoutMs = 600_000;

/** Frees space when the disk is full above a mark, by each owner's own means, until it is below another. */
export class Cleaner {
  private readonly config: CleanupConfig;
  private readonly folder: string;
  private readonly record: HealthRecord;
  private readonly log: Logger;
  private readonly images = new Map<Means, ContainerdImages>();

  constructor(
    config: CleanupConfig,
    { folder, record, log }: { folder: string; record: HealthRecord; log: Logger },
  ) {
    this.config = config;
    this.folder = folder;
    this.record = record;
    this.log = log;
    for (const means of config.means) {
      if (means.by === 'containerd') this.images.set(means, new ContainerdImages(means));
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    if (this.config.means.length === 0) return;
    await repeat(() => this.sweep(), {
      everyMs: this.config.everyMs,
      signal,
      onError: (error) => this.log.warn({ reason: messageOf(error) }, 'cannot look at the disk'),
    });
  }

  async sweep(): Promise<void> {
    for (const [means, images] of this.images) {
      await images.look().catch((error: unknown) => this.fail(means, error));
    }
    const before = await this.usedPercent();
    if (before < this.config.highPercent) return;
    for (const means of this.config.means) {
      try {
        const said = await this.use(means);
        const now = await this.usedPercent();
        await this.record.add({
          subject: 'disk',
          what: 'CLEANED',
          why: `${before} % was used; ${means.name}: ${said}; now ${now} %`,
        });
        if (now < this.config.lowPercent) return;
      } catch (error) {
        await this.fail(means, error);
      }
    }
  }

  private async use(means: Means): Promise<string> {
    switch (means.by) {
      case 'containerd':
        return `${(await this.images.get(means)?.clean(() => this.isEnough())) ?? 0} names of images removed`;
      case 'post': {
        const response = await fetch(means.url, {
          method: 'POST',
          signal: AbortSignal.timeout(commandTimeoutMs),
        });
        const text = (await response.text()).trim().slice(0, 2_000);
        if (!response.ok)
          throw new AppError('UNAVAILABLE', `${means.url} answers ${response.status}: ${text}`);
        const { freedBytes } = parseStored(cleaned, text) ?? {};
        return freedBytes === undefined ? text || 'done' : `${Math.round(freedBytes / 2 ** 20)} MiB freed`;
      }
      case 'command': {
        const [program = '', ...args] = means.command;
        const { code, stdout, stderr } = await run(program, args, {
          timeoutMs: commandTimeoutMs,
          keepBytes: 4_096,
        });
        if (code !== 0) throw new AppError('UNAVAILABLE', `${program} ended with ${code}: ${stderr.trim()}`);
        return stdout.trim().split('\n').at(-1) || 'done';
      }
    }
  }

  private async fail(means: Means, error: unknown): Promise<void> {
    this.log.warn({ means: means.name, reason: messageOf(error) }, 'cannot clean up');
    await this.record.add({
      subject: 'disk',
      what: 'CLEAN_FAILED',
      why: `${means.name}: ${messageOf(error)}`,
    });
  }

  private async isEnough(): Promise<boolean> {
    return (await this.usedPercent()) < this.config.lowPercent;
  }

  private async usedPercent(): Promise<number> {
    const { blocks, bavail } = await statfs(this.folder);
    return Math.round(((blocks - bavail) / blocks) * 100);
  }
}
