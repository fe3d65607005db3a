import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
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

/**
 * Shared layers in a folder, each made once: in one folder beside it first and moved when complete, so that
 * a crash leaves none half-made, and by one caller at a time in this process.
 */
export class LayerStore {
  private readonly folder: string;
  private readonly making = new Map<string, Promise<SharedLayer>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  async find(name: string): Promise<SharedLayer | null> {
    const text = await readFile(this.path(name, 'layer.json'), 'utf8').catch(() => null);
    return text === null ? null : this.shared(name, JSON.parse(text) as Layer);
  }

  /** `make` fills the root; `scratch` is a folder of its own beside it, on the same file system. */
  async ensure(name: string, make: (root: string, scratch: string) => Promise<void>): Promise<SharedLayer> {
    const running = this.making.get(name);
    if (running) return running;
    const made = this.findOrMake(name, make).finally(() => this.making.delete(name));
    this.making.set(name, made);
    return made;
  }

  private async findOrMake(
    name: string,
    make: (root: string, scratch: string) => Promise<void>,
  ): Promise<SharedLayer> {
    const found = await this.find(name);
    if (found) return found;
    const partial = this.path(`.${name}.${process.pid}`);
    await rm(partial, { recursive: true, force: true });
    await mkdir(join(partial, 'root'), { recursive: true });
    await mkdir(join(partial, 'scratch'));
    try {
      await make(join(partial, 'root'), join(partial, 'scratch'));
      const layer = await writeLayer({
        from: { folder: join(partial, 'root') },
        to: join(partial, 'layer.tar.gz'),
      });
      await rm(join(partial, 'scratch'), { recursive: true, force: true });
      await writeFile(join(partial, 'layer.json'), JSON.stringify(layer));
      await rm(this.path(name), { recursive: true, force: true });
      await rename(partial, this.path(name));
      return this.shared(name, layer);
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
