import type { Runtimes } from '../base/runtimes.ts';
import type { SharedLayer } from '../base/store.ts';
import type { BuildRoom } from '../sandbox/room.ts';
import type { SourceTree } from '../sources/tree.ts';
import type { Project } from './settings.ts';

/** How an image's containers start, and what was found of them. */
export interface Launch {
  /** Process types; `web` is what runs. */
  readonly processes: Readonly<Record<string, string>>;
  /** The image's command, or null when the image brings its own. */
  readonly command: readonly string[] | null;
  readonly ports: readonly number[];
  readonly env: Readonly<Record<string, string>>;
  /** For a person: `Python`. */
  readonly language?: string;
  /** Of the language's runtime, e.g. `3.11`; null when it does not matter. */
  readonly version?: string | null;
  /** Folders of the image that want to outlive its containers. */
  readonly volumes?: readonly string[];
  /** What the app should get, in MiB; null: no opinion. */
  readonly memoryMb?: number | null;
  /** HTTP path that answers when the app is ready; null: a TCP connection is enough. */
  readonly healthPath?: string | null;
  /** Sentences about what is likely not meant so. */
  readonly warnings?: readonly string[];
}

/** A part of a source that can be an app of its own. */
export interface Module {
  /** What the `module` setting takes. */
  readonly name: string;
  /** Folder in the source. */
  readonly path: string;
  /** For a person: `jar`, `war`, `Next.js`. */
  readonly kind: string;
}

/** A folder that becomes one layer. */
export interface FolderLayer {
  readonly folder: string;
  /** Place in the image. */
  readonly prefix: string;
  readonly exclude?: (path: string) => boolean;
  /** Where its packed form is remembered from build to build; absent: packed each time. */
  readonly remember?: string;
  /** Whether it gets a fixed time instead of the source's, so that it stays equal while the app changes. */
  readonly isDependencies?: boolean;
  /** Whether an earlier build, or an attempt at this one that was killed, had made it. */
  readonly isFromCache?: boolean;
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
  /** 32 secret bytes of the app, the same at each of its builds. */
  readonly secretFor: (purpose: string) => Buffer;
  readonly say: (line: string) => void;
}

/** One member of the family; each lives in its own folder with these exports. */
export interface Buildpack<Plan> {
  readonly name: string;
  /** Why it takes this source, e.g. `package.json`, or null when it does not. */
  detect(source: SourceTree, project: Project): Promise<string | null>;
  /** What it will do, read from the source. Throws INVALID with what is wrong in it. */
  plan(source: SourceTree, project: Project): Promise<Plan>;
  build(context: BuildContext, plan: Plan): Promise<BuildOutput>;
  launch(plan: Plan): Launch;
  /** Parts to choose from; absent when its sources have none. */
  modules?(source: SourceTree): Promise<readonly Module[]>;
}

/** Port that apps are told by PORT unless they say another one. */
export const defaultPort = 8080;
