import type { Runtimes } from '../base/runtimes.ts';
import type { SharedLayer } from '../base/store.ts';
import type { BuildRoom } from '../sandbox/room.ts';
import type { SourceTree } from '../sources/tree.ts';

/** How an image's containers start, and what was found of them. */
export interface Launch {
  /** Process types; `web` is what runs. */
  readonly processes: Readonly<Record<string, string>>;
  /** The image's command, or null when the image brings its own. */
  readonly command: readonly string[] | null;
  readonly ports: readonly number[];
  readonly env: Readonly<Record<string, string>>;
}

/** A folder that becomes one layer. */
export interface FolderLayer {
  readonly folder: string;
  /** Place in the image. */
  readonly prefix: string;
  readonly exclude?: (path: string) => boolean;
  /** Where its packed form is remembered from build to build; absent: packed each time. */
  readonly remember?: string;
}

/** Layers to append over the base, or a whole image that a tool wrote into a folder (containers-transports(5), `dir`). */
export type BuildOutput =
  | { readonly kind: 'layers'; readonly runtime: SharedLayer | null; readonly layers: readonly FolderLayer[] }
  | { readonly kind: 'image'; readonly folder: string };

export interface BuildContext {
  readonly source: SourceTree;
  readonly room: BuildRoom;
  readonly runtimes: Runtimes;
  readonly base: SharedLayer;
  readonly say: (line: string) => void;
}

/** One member of the family; each lives in its own folder with these exports. */
export interface Buildpack<Plan> {
  readonly name: string;
  /** Why it takes this source, e.g. `package.json`, or null when it does not. */
  detect(source: SourceTree): Promise<string | null>;
  /** What it will do, read from the source. Throws INVALID with what is wrong in it. */
  plan(source: SourceTree): Promise<Plan>;
  build(context: BuildContext, plan: Plan): Promise<BuildOutput>;
  launch(plan: Plan): Launch;
}

/** Port that apps are told by PORT unless they say another one. */
export const defaultPort = 8080;
