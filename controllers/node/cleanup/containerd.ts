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

  /** Answers how many names were removed. */
  async clean(): Promise<number> {
    const old = (await this.look()).filter(
      ({ digest }) => Date.now() - (this.unusedSince.get(digest) ?? Infinity) >= this.means.minAgeMs,
    );
    if (old.length === 0) return 0;
    await this.ctr('images', 'rm', '--sync', '--', ...old.map(({ reference }) => reference));
    return old.length;
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
