import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { goBuildEnv, goSharedCache, goToolchain } from '../../base/runtimes/go.ts';
import type { SourceTree } from '../../sources/tree.ts';
import {
  type BuildContext,
  type BuildOutput,
  defaultPort,
  type FolderLayer,
  type Launch,
  type Module,
} from '../buildpack.ts';
import { portsIn, shellCommand } from '../procfile.ts';
import type { Project } from '../settings.ts';
import { type GoModule, goPortsIn, listPrograms, readGoModule } from './module.ts';

export const name = 'go';

export interface GoPlan {
  readonly module: GoModule;
  /** What is built. */
  readonly programs: readonly Module[];
  readonly isVendored: boolean;
  readonly command: string | null;
  readonly processes: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
  readonly warnings: readonly string[];
}

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.has('go.mod')) ? 'go.mod' : null;
}

export async function modules(source: SourceTree): Promise<readonly Module[]> {
  return listPrograms(source, (await readGoModule(source)).path);
}

export async function plan(source: SourceTree, project: Project): Promise<GoPlan> {
  const module = await readGoModule(source);
  const all = await listPrograms(source, module.path);
  const processes = { ...project.run.processes };
  const programs = choosePrograms(all, project, module.path);
  const [main] = programs;
  processes['web'] ??= `/app/bin/${main?.name}`;
  const isVendored = await source.has('vendor/modules.txt');
  const text = main ? await textOf(source, main.path) : '';
  const isLocked =
    isVendored ||
    (await source.has('go.sum')) ||
    !/^\s*require\b/m.test((await source.readText('go.mod')) ?? '');
  return {
    module,
    programs,
    isVendored,
    command: project.buildCommand,
    processes,
    ports: [...portsIn(processes['web']), ...goPortsIn(text)].slice(0, 1),
    warnings: isLocked ? [] : ['There is no go.sum: run "go mod tidy" and commit it, or the build fails'],
  };
}

/** In the room, because what an earlier build left in the cache is not trusted. */
const takeShared = `set -e; rm -rf /cache/go-build-*; cp -r ${goSharedCache} "/cache/$1.partial"; mv "/cache/$1.partial" "/cache/$1"`;

/** Static programs, each by its name in /app/bin, and the files that are not Go beside them. */
export async function build(context: BuildContext, plan: GoPlan): Promise<BuildOutput> {
  const { room, runtimes, base, source, say } = context;
  const go = await goToolchain(runtimes, plan.module);
  say(`Go ${go.version}${plan.isVendored ? ', packages from vendor/' : ''}`);
  room.enter([go.root, base.root]);
  const output = await room.disk.freshFolder('workspace/output');
  const cache = await room.cache('tools');
  for (const folder of [source.folder, output]) room.own(folder);
  const compiled = `go-build-${go.name}`;
  const env = {
    PATH: `${go.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    ...goBuildEnv,
    GOPATH: '/cache/go',
    GOMODCACHE: '/cache/go/pkg/mod',
    GOCACHE: `/cache/${compiled}`,
    GOFLAGS: `${goBuildEnv.GOFLAGS}${plan.isVendored ? ' -mod=vendor' : ''}`,
    GOBIN: '/output',
  };
  const mounts = [
    { source: source.folder, destination: '/app' },
    { source: cache, destination: '/cache' },
    { source: output, destination: '/output' },
  ];
  const run = (label: string, args: readonly string[]) => room.exec({ label, args, env, mounts });
  if (await room.disk.isMissing(join(cache, compiled))) {
    await run('begin with the standard packages, compiled', ['/bin/sh', '-c', takeShared, 'sh', compiled]);
  }
  if (plan.command !== null) await run(plan.command, ['/bin/sh', '-c', plan.command]);
  for (const { name: program, path } of plan.programs) {
    const target = path === '.' ? '.' : `./${path}`;
    const flags = ['-ldflags=-s -w -buildid=', '-o', `/output/${program}`];
    await run(`go build ${target}`, ['go', 'build', ...flags, '--', target]);
  }
  return { kind: 'layers', runtime: null, layers: [await programLayer(context, plan), filesOf(source)] };
}

export function launch({ processes, ports, module, warnings }: GoPlan): Launch {
  return {
    processes,
    command: shellCommand(processes['web'] as string),
    ports: ports.length > 0 ? ports : [defaultPort],
    env: {
      PATH: '/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      GIN_MODE: 'release',
      PORT: String(ports[0] ?? defaultPort),
    },
    language: 'Go',
    version: module.exact ?? module.least,
    warnings,
  };
}

/** All that the processes name; else the one that is set, the only one, or the one named like the module. */
function choosePrograms(all: readonly Module[], project: Project, modulePath: string): readonly Module[] {
  const named = new Set(
    Object.values(project.run.processes).map((line) =>
      (line.trim().split(/\s+/)[0] as string).split('/').at(-1),
    ),
  );
  const started = all.filter(({ name: program }) => named.has(program));
  const set = all.filter(({ name: program, path }) => program === project.module || path === project.module);
  if (set.length > 0) return [...set, ...started.filter((program) => !set.includes(program))];
  if (started.length > 0) return started;
  if (all.length <= 1) {
    if (all.length === 1) return all;
    throw new AppError('INVALID', 'This Go module has no package main, so there is nothing to run');
  }
  const own = all.find(({ path }) => path === '.') ?? all.find((one) => modulePath.endsWith(`/${one.name}`));
  if (own) return [own];
  const names = all.map((one) => `${one.name} (${one.path})`).join(', ');
  throw new AppError(
    'INVALID',
    `This Go module has ${all.length} programs: ${names}; choose one by the build setting "module", or name it in a Procfile`,
  );
}

async function textOf(source: SourceTree, path: string): Promise<string> {
  const folder = path === '.' ? source : await source.sub(path);
  if (!folder) return '';
  const names = (await folder.names()).filter((file) => file.endsWith('.go')).slice(0, 50);
  return (await Promise.all(names.map((file) => folder.readText(file)))).join('\n');
}

/** Only regular files of the build's output; an equal program is an equal layer on any day. */
async function programLayer({ room }: BuildContext, { programs }: GoPlan): Promise<FolderLayer> {
  const folder = room.disk.path('workspace/output');
  const names = new Set(programs.map((program) => program.name));
  for (const program of names) {
    if (!(await lstat(join(folder, program)).catch(() => null))?.isFile())
      throw new AppError('INVALID', `go build made no program "${program}"`);
  }
  return { folder, prefix: 'app/bin', exclude: (path) => !names.has(path), isDependencies: true };
}

/** Templates, static files and the like; the app's folder is its working directory. */
function filesOf(source: SourceTree): FolderLayer {
  const left =
    /(^|\/)(\.git[^/]*|testdata|[^/]+\.go)$|^(go\.(mod|sum|work|work\.sum)|vendor|Dockerfile|Makefile)$/;
  return { folder: source.folder, prefix: 'app', exclude: (path) => left.test(path) };
}
