import { statfs } from 'node:fs/promises';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { KubeletConfig } from './config.ts';
import type { CriClient } from './cri/client.ts';
import { normalizeImage } from './images.ts';

export interface ImageGarbageOptions {
  readonly cri: CriClient;
  readonly config: KubeletConfig['images'];
  readonly imageRoot: string;
  readonly log: Logger;
  /** Images that pods of this node name. */
  readonly namedImages: () => readonly string[];
}

/** Removes images that nothing uses when the disk is full above a mark, the longest unused first. */
export class ImageGarbage {
  private readonly options: ImageGarbageOptions;
  /** When an image was last seen in use, or first seen at all, in milliseconds since 1970. */
  private readonly lastUsed = new Map<string, number>();

  constructor(options: ImageGarbageOptions) {
    this.options = options;
  }

  async sweep(): Promise<void> {
    const { cri, config, log } = this.options;
    const now = Date.now();
    const [{ images }, { containers }] = await Promise.all([
      cri.call('ListImages', {}),
      cri.call('ListContainers', {}),
    ]);
    const named = new Set(this.options.namedImages().map(normalizeImage));
    const running = new Set(containers.map(({ imageRef }) => imageRef));
    const unused = images.filter(({ id, repoTags, repoDigests, pinned }) => {
      const names = [id, ...repoTags, ...repoDigests];
      const isPause = repoTags.some((tag) => /^localhost\/[^/]+\/pause:/.test(tag));
      const isUsed = pinned || isPause || names.some((name) => named.has(name) || running.has(name));
      if (isUsed || !this.lastUsed.has(id)) this.lastUsed.set(id, now);
      return !isUsed;
    });
    for (const id of this.lastUsed.keys())
      if (!images.some((image) => image.id === id)) this.lastUsed.delete(id);
    if ((await this.usedPercent()) < config.highPercent) return;
    const byAge = unused.toSorted((left, right) => this.ageOf(left.id) - this.ageOf(right.id));
    for (const { id, repoTags, size } of byAge) {
      if (now - this.ageOf(id) < config.minAgeMs) continue;
      await cri
        .call('RemoveImage', { image: { image: id } })
        .then(() => log.info({ image: repoTags[0] ?? id, size }, 'removed an unused image: the disk is full'))
        .catch((error: unknown) => log.warn({ image: id, reason: messageOf(error) }, 'cannot remove image'));
      if ((await this.usedPercent()) < config.lowPercent) return;
    }
    log.warn({ usedPercent: await this.usedPercent() }, 'the disk is full and no unused image is left');
  }

  private ageOf(id: string): number {
    return this.lastUsed.get(id) ?? 0;
  }

  private async usedPercent(): Promise<number> {
    const { blocks, bavail } = await statfs(this.options.imageRoot);
    return 100 * (1 - bavail / blocks);
  }
}
