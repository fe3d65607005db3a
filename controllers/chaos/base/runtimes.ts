import type { SharedImages } from './shared-images.ts';
import type { LayerStore, SharedLayer, Tool } from './store.ts';

/** Where the registry keeps runtimes, for images to share. */
export const runtimeRepository = 'skyarc/runtime';

export interface Installation {
  readonly packages: readonly string[];
  readonly over: readonly string[];
  readonly root: string;
  readonly scratch: string;
}

/** A program of the layers, and where what it writes lands. */
export interface LayerCommand extends Omit<Installation, 'packages'> {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Make = (root: string, scratch: string) => Promise<void>;

export interface RuntimeTools {
  readonly store: LayerStore;
  readonly base: SharedLayer;
  /** Where resolved versions are remembered. */
  readonly folder: string;
  /** Environment of package clients on this machine. */
  readonly env: Readonly<Record<string, string>>;
  /** Where images find a runtime's blob, and other builders the whole. */
  readonly images: SharedImages;
  /** Installs Debian packages over these roots, the highest first: what they add lands in `root`. */
  readonly installPackages: (install: Installation) => Promise<void>;
  /** Runs a program over these roots. */
  readonly run: (command: LayerCommand) => Promise<void>;
}

/**
 * Programs that builds and apps run on, each a layer over the base, made at the first need and shared. What
 * there is and how it is made: one file each in `runtimes/`.
 */
export class Runtimes {
  readonly base: SharedLayer;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  private readonly tools: RuntimeTools;
  private readonly madeAtMs = new Map<string, number>();

  constructor(tools: RuntimeTools) {
    this.tools = tools;
    this.base = tools.base;
    this.folder = tools.folder;
    this.env = tools.env;
  }

  /** Part of images, unlike a tool: published once when it is made, and found there by every push. */
  async runtime(name: string, make: Make): Promise<SharedLayer> {
    const isNew = (await this.tools.store.find(name)) === null;
    const { store, images } = this.tools;
    const at = { repository: runtimeRepository, tag: name };
    const layer = await store.ensure(name, async (root, scratch) => {
      if (!(await images.pull(at, { root, scratch }))) await make(root, scratch);
    });
    if (isNew) {
      this.madeAtMs.set(name, Date.now());
      await images.push(layer, at);
    }
    return layer;
  }

  /** Whether it was made after that moment, which a build had to wait for. */
  isMadeSince({ name }: SharedLayer, time: Date): boolean {
    return (this.madeAtMs.get(name) ?? 0) > time.getTime();
  }

  /** Used by builds only: no image carries it. */
  tool(name: string, make: Make): Promise<Tool> {
    return this.tools.store.ensureTool(name, make);
  }

  /** A runtime that is nothing but Debian packages, over others (the highest first) when it needs them. */
  debianRuntime(name: string, packages: readonly string[], over: readonly Tool[] = []): Promise<SharedLayer> {
    return this.runtime(name, (root, scratch) => this.installPackages(packages, root, scratch, over));
  }

  /** A tool that is nothing but Debian packages, over others (the highest first) when it needs them. */
  debianTool(name: string, packages: readonly string[], over: readonly Tool[] = []): Promise<Tool> {
    return this.tool(name, (root, scratch) => this.installPackages(packages, root, scratch, over));
  }

  /** Over the base, and other layers when there are (the highest first). */
  installPackages(
    packages: readonly string[],
    root: string,
    scratch: string,
    over: readonly Tool[] = [],
  ): Promise<void> {
    const roots = [...over, this.base].map((layer) => layer.root);
    return this.tools.installPackages({ packages, root, scratch, over: roots });
  }

  /** Runs a program of a tool that is being made, over the base; what it writes becomes part of the tool. */
  run(command: Omit<LayerCommand, 'over'>): Promise<void> {
    return this.tools.run({ ...command, over: [this.base.root] });
  }
}
