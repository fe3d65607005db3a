import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '@skyarc/lib/files';
import { type Layer, writeLayer } from '@skyarc/lib/oci';
import { sleep } from '@skyarc/lib/retry';

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

/** How long another process on this machine may take for a layer before it is made twice. */
const otherMakerMs = 900_000;

/**
 * Shared layers in a folder, each made once: in one folder beside it first and moved when complete, so that
 * a crash leaves none half-made, and by one caller at a time in this process. Processes may share the folder:
 * one waits for what another one makes.
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

  /** Packed layers whose names begin so, and when each was made; the newest first. */
  async list(prefix: string): Promise<readonly { readonly name: string; readonly madeAt: Date }[]> {
    const names = await readdir(this.folder).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => name.startsWith(prefix))
        .map(async (name) => {
          const stats = await stat(this.path(name, 'layer.json')).catch(() => null);
          return stats ? [{ name, madeAt: stats.mtime }] : [];
        }),
    );
    return found.flat().toSorted((a, b) => b.madeAt.getTime() - a.madeAt.getTime());
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { recursive: true, force: true });
  }

  /** `make` fills the root; `scratch` is a folder of its own beside it, on the same file system. */
  async ensure(name: string, make: MakeLayer): Promise<SharedLayer> {
    const isThere = async () => (await this.find(name)) !== null;
    await this.once(name, () => this.makeUnless(isThere, name, (partial) => packed(partial, make)));
    return (await this.find(name)) as SharedLayer;
  }

  /** As `ensure`, but nothing is packed, which takes as long as the making of a large one. */
  async ensureTool(name: string, make: MakeLayer): Promise<Tool> {
    const root = this.path(name, 'root');
    await this.once(name, () =>
      this.makeUnless(
        () => exists(root),
        name,
        (partial) => unpacked(partial, make),
      ),
    );
    return { name, root };
  }

  private once(name: string, work: () => Promise<void>): Promise<void> {
    const running = this.making.get(name) ?? work().finally(() => this.making.delete(name));
    this.making.set(name, running);
    return running;
  }

  private async makeUnless(
    isThere: () => Promise<boolean>,
    name: string,
    fill: (partial: string) => Promise<void>,
  ): Promise<void> {
    if (!(await isThere())) await this.untilNobodyMakes(name);
    if (await isThere()) return;
    const partial = this.path(`.${name}.${process.pid}`);
    await rm(partial, { recursive: true, force: true });
    await mkdir(join(partial, 'root'), { recursive: true });
    try {
      await fill(partial);
      // Who began in the same moment may have been faster; what is there may be in use already.
      if (await isThere()) return;
      await rm(this.path(name), { recursive: true, force: true });
      await rename(partial, this.path(name));
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  private async untilNobodyMakes(name: string): Promise<void> {
    const deadline = Date.now() + otherMakerMs;
    while (Date.now() < deadline && (await isBeingMade(this.folder, name))) await sleep(250);
  }

  private shared(name: string, layer: Layer): SharedLayer {
    return { name, root: this.path(name, 'root'), layer, file: this.path(name, 'layer.tar.gz') };
  }

  private path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }
}

/** Fills `root` of a half-made layer; its scratch folder goes again. */
async function unpacked(partial: string, make: MakeLayer): Promise<void> {
  const scratch = join(partial, 'scratch');
  await mkdir(scratch);
  await make(join(partial, 'root'), scratch);
  await rm(scratch, { recursive: true, force: true });
}

async function packed(partial: string, make: MakeLayer): Promise<void> {
  await unpacked(partial, make);
  const layer = await writeLayer({
    from: { folder: join(partial, 'root') },
    to: join(partial, 'layer.tar.gz'),
  });
  await writeFile(join(partial, 'layer.json'), JSON.stringify(layer));
}

async function isBeingMade(folder: string, name: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  const pids = names.flatMap((one) => (one.startsWith(`.${name}.`) ? [makerOf(one)] : []));
  return pids.some((pid) => pid !== process.pid && isAlive(pid));
}

/** Whether a folder of the store is half-made by nobody any more. */
export function isAbandoned(entry: string): boolean {
  return entry.startsWith('.') && !isAlive(makerOf(entry));
}

/** `.base-bookworm.4711` is made by process 4711; NaN where no process is named. */
function makerOf(entry: string): number {
  return Number(/\.(\d+)$/.exec(entry)?.[1]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
