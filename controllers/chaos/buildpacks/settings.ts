import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../sources/tree.ts';
import { readProcfile } from './procfile.ts';
import { type ProjectFile, projectFileSchema } from './project-file.ts';
import { readRainbondfile } from './rainbondfile.ts';
import { parseYaml } from './yaml-text.ts';

/** What a port carries, as the data centre's ports know it. */
export type PortProtocol = 'HTTP' | 'GRPC' | 'TCP' | 'UDP';

type Words = Readonly<Record<string, string>>;

/** What a person set for the builds of an app; what is absent or empty is left to the source. */
export interface BuildSettings {
  readonly buildpack?: string | null;
  /** A package of a workspace, a module of a Maven or Gradle project, or a folder. */
  readonly module?: string | null;
  /** Command that builds, instead of the buildpack's own. */
  readonly command?: string | null;
  /** Arguments of a Dockerfile. */
  readonly args?: Words;
  /** Environment of the build's commands. */
  readonly env?: Words;
  /** For a Dockerfile's `RUN --mount=type=secret`; in no layer and no line of a log. */
  readonly secrets?: Words;
  /** Path of the Dockerfile. */
  readonly dockerfile?: string | null;
  /** Stage of the Dockerfile. */
  readonly target?: string | null;
  /** Folder that a web server shows. */
  readonly documentRoot?: string | null;
  /** Command that starts the app. */
  readonly start?: string | null;
}

/** How the app wants to run, as its project file says. */
export interface RunWishes {
  /** Process types of project file and Procfile; `web` is what runs. */
  readonly processes: Words;
  readonly ports: readonly { readonly port: number; readonly protocol?: PortProtocol }[];
  readonly memoryMb: number | null;
  readonly env: Words;
  readonly volumes: readonly string[];
  readonly healthPath: string | null;
}

/** All that settings, project file and Procfile say together; the first of them that says a thing wins. */
export interface Project {
  readonly buildpack: string | null;
  readonly module: string | null;
  readonly buildCommand: string | null;
  readonly buildArgs: Words;
  readonly buildEnv: Words;
  readonly buildSecrets: Words;
  readonly dockerfile: string | null;
  readonly target: string | null;
  readonly documentRoot: string | null;
  readonly run: RunWishes;
  /** Name of the project file that was read, `skyarc.yml` or `rainbondfile`. */
  readonly file: string | null;
  readonly warnings: readonly string[];
}

/** Precedence: build settings, then skyarc.yml (or rainbondfile), then Procfile; what none says is found. */
export async function readProject(source: SourceTree, settings: BuildSettings = {}): Promise<Project> {
  const { build, run, name, warnings } = await readProjectFile(source);
  const start = settings.start || run.command;
  const project: Project = {
    buildpack: settings.buildpack || build.buildpack || null,
    module: cleanPath(settings.module || build.module),
    buildCommand: settings.command || build.command || null,
    buildArgs: { ...build.args, ...settings.args },
    buildEnv: { ...build.env, ...settings.env },
    buildSecrets: settings.secrets ?? {},
    dockerfile: insidePath('dockerfile', settings.dockerfile || build.dockerfile),
    target: settings.target || build.target || null,
    documentRoot: insidePath('documentRoot', settings.documentRoot || build.documentRoot),
    run: {
      processes: {
        ...(await readProcfile(source)),
        ...run.processes,
        ...(start ? { web: start } : {}),
      },
      ports: run.ports,
      memoryMb: run.memory ?? null,
      env: run.env,
      volumes: run.volumes,
      healthPath: run.healthPath ?? null,
    },
    file: name,
    warnings,
  };
  checkWords(project);
  return project;
}

/** `skyarc.yml`, else the original's `rainbondfile`. Throws INVALID with the line that is wrong. */
async function readProjectFile(source: SourceTree): Promise<ProjectFile> {
  const name = await source.firstOf(['skyarc.yml', 'skyarc.yaml']);
  if (name) {
    const text = (await source.readText(name)) ?? '';
    return { ...parseYaml(name, text, projectFileSchema), name, warnings: [] };
  }
  const foreign = await source.readText('rainbondfile');
  if (foreign !== null) return readRainbondfile(foreign);
  return { ...projectFileSchema.parse({}), name: null, warnings: [] };
}

/** A project that says nothing. */
export const emptyProject: Project = {
  buildpack: null,
  module: null,
  buildCommand: null,
  buildArgs: {},
  buildEnv: {},
  buildSecrets: {},
  dockerfile: null,
  target: null,
  documentRoot: null,
  run: { processes: {}, ports: [], memoryMb: null, env: {}, volumes: [], healthPath: null },
  file: null,
  warnings: [],
};

function cleanPath(path: string | null | undefined): string | null {
  return path ? path.replace(/^(?:\.\/)+|\/+$/g, '') || null : null;
}

/** A path that stays in the source: files behind it are named to tools. */
function insidePath(what: string, path: string | null | undefined): string | null {
  const clean = cleanPath(path);
  if (clean === null) return null;
  const isInside = /^[\w@+.][\w@+. -]*(?:\/[\w@+. -]+)*$/.test(clean) && !clean.split('/').includes('..');
  if (isInside) return clean;
  throw new AppError('INVALID', `"${clean.slice(0, 100)}" is not a path within the source (${what})`);
}

const name = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

function checkWords({ buildArgs, buildEnv, buildSecrets, target, run }: Project): void {
  const words: readonly [string, Words][] = [
    ['build argument', buildArgs],
    ['environment variable of the build', buildEnv],
    ['build secret', buildSecrets],
    ['environment variable', run.env],
  ];
  for (const [what, record] of words) {
    for (const [key, value] of Object.entries(record)) {
      if (!name.test(key)) throw new AppError('INVALID', `"${key.slice(0, 60)}" cannot name a ${what}`);
      if (value.includes('\0')) throw new AppError('INVALID', `The ${what} ${key} has a NUL in it`);
    }
  }
  if (target !== null && !/^[\w][\w.-]{0,127}$/.test(target))
    throw new AppError('INVALID', `"${target.slice(0, 60)}" cannot name a stage of a Dockerfile (target)`);
}
