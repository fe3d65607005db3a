import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Layer, writeLayer } from '@skyarc/lib/oci';

/** A part of images that many builds share: unpacked for sandboxes, packed for the registry. */
export interface SharedLayer {
  /** e.g. `base-bookworm`, `nodejs-24.21.0`. */
  readonly name: string;
  /** Unpacked, read-only by agreement. */
  readonly root: string;
  readonly layer: Layer;
  /** Packed. */
  readonly file: string;
}

/** A part that only builds use, which no image has. */
export type Tool = Pick<SharedLayer, 'name' | 'root'>;

type MakeLayer = (root: string, scratch: string) => Promise<void>;

/**
 * Shared layers in a folder, each made once: in one folder beside it first and moved when complete, so that
 * a crash leaves none half-made, and by one caller at a time in this process.
 */
export class LayerStore {
  private readonly folder: string;
  private readonly making = new Map<string, Promise<void>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  async find(name: string): Promise<SharedLayer | null> {
    const text = await readFile(this.path(name, 'layer.json'), 'utf8').catch(() => null);
    return text === null ? null : this.shared(name, JSON.parse(text) as Layer);
  }

  /** `make` fills the root; `scratch` is a folder of its own beside it, on the same file system. */
  async ensure(name: string, make: MakeLayer): Promise<SharedLayer> {
    await this.once(name, async () => {
      if ((await this.find(name)) === null) await this.make(name, make, true);
    });
    return (await this.find(name)) as SharedLayer;
  }

  /** As `ensure`, but nothing is packed, which takes as long as the making of a large one. */
  async ensureTool(name: string, make: MakeLayer): Promise<Tool> {
    const root = this.path(name, 'root');
    await this.once(name, async () => {
      const isThere = await access(root).then(
        () => true,
        () => false,
      );
      if (!isThere) await this.make(name, make, false);
    });
    return { name, root };
  }

  private once(name: string, work: () => Promise<void>): Promise<void> {
    const running = this.making.get(name) ?? work().finally(() => this.making.delete(name));
    this.making.set(name, running);
    return running;
  }

  private async make(name: string, make: MakeLayer, isPacked: boolean): Promise<void> {
    const partial = this.path(`.${name}.${process.pid}`);
    const root = join(partial, 'root');
    await rm(partial, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    await mkdir(join(partial, 'scratch'));
    try {
      await make(root, join(partial, 'scratch'));
      if (isPacked) {
        const layer = await writeLayer({ from: { folder: root }, to: join(partial, 'layer.tar.gz') });
        await writeFile(join(partial, 'layer.json'), JSON.stringify(layer));
      }
      await rm(join(partial, 'scratch'), { recursive: true, force: true });
      await rm(this.path(name), { recursive: true, force: true });
      await rename(partial, this.path(name));
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }

  private shared(name: string, layer: Layer): SharedLayer {
    return { name, root: this.path(name, 'root'), layer, file: this.path(name, 'layer.tar.gz') };
  }

  private path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }
}
