import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import type { Means } from './config.ts';

type ContainerdMeans = Extract<Means, { by: 'containerd' }>;

interface Image {
  readonly reference: string;
  readonly digest: string;
}

/** Removes images that no container uses, through containerd's own client. */
export class ContainerdImages {
  private readonly means: ContainerdMeans;
  /** When a digest was first seen unused, in milliseconds since 1970. */
  private readonly unusedSince = new Map<string, number>();

  constructor(means: ContainerdMeans) {
    this.means = means;
  }

  /** Notes what is unused; so an image's age is known when space is short. */
  async look(): Promise<readonly Image[]> {
    const images = await this.listImages();
    const used = await this.usedDigests(images);
    const unused = images.filter(({ digest }) => !used.has(digest));
    const now = Date.now();
    for (const { digest } of unused) {
      if (!this.unusedSince.has(digest)) this.unusedSince.set(digest, now);
    }
    for (const digest of this.unusedSince.keys()) {
      if (!unused.some((image) => image.digest === digest)) this.unusedSince.delete(digest);
    }
    return unused;
  }

  /** Removes what has been unused longest, image by image, until enough is free; answers how many names went. */
  async clean(isEnough: () => Promise<boolean>): Promise<number> {
    await this.look();
    const oldest = [...this.unusedSince].toSorted(([, left], [, right]) => left - right);
    let removed = 0;
    for (const [digest, since] of oldest) {
      if (Date.now() - since < this.means.minAgeMs || (await isEnough())) break;
      // Somebody may use it by now.
      const names = (await this.look()).filter((image) => image.digest === digest);
      if (names.length === 0) continue;
      await this.ctr('images', 'rm', '--sync', '--', ...names.map(({ reference }) => reference));
      removed += names.length;
    }
    return removed;
  }

  private async listImages(): Promise<Image[]> {
    const lines = await this.ctr('images', 'ls');
    return lines.slice(1).flatMap((line) => {
      const [reference, , digest] = line.split(/\s+/);
      return reference && digest ? [{ reference, digest }] : [];
    });
  }

  private async usedDigests(images: readonly Image[]): Promise<ReadonlySet<string>> {
    const lines = await this.ctr('containers', 'ls');
    const references = new Set([...lines.slice(1).map((line) => line.split(/\s+/)[1]), ...this.means.keep]);
    return new Set(images.filter(({ reference }) => references.has(reference)).map(({ digest }) => digest));
  }

  private async ctr(...args: readonly string[]): Promise<string[]> {
    const { socket, namespace } = this.means;
    const { code, stdout, stderr } = await run(
      'ctr',
      ['--address', socket, '--namespace', namespace, ...args],
      { timeoutMs: 60_000, keepBytes: 8 << 20 },
    );
    if (code !== 0) throw new AppError('UNAVAILABLE', `ctr ${args[0]} ${args[1]} failed: ${stderr.trim()}`);
    return stdout.split('\n').filter(Boolean);
  }
}
