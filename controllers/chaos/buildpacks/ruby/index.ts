import { AppError } from '@skyarc/lib/errors';
import { ruby, rubyVersion } from '../../base/runtimes/ruby.ts';
import type { SourceTree } from '../../sources/tree.ts';
import {
  type BuildContext,
  type BuildOutput,
  defaultPort,
  type FolderLayer,
  type Launch,
} from '../buildpack.ts';
import { portsIn, shellCommand } from '../procfile.ts';
import type { Project } from '../settings.ts';
import { type GemFacts, readGems } from './gems.ts';
import { bundleEnv, bundleFolder, installGems } from './install.ts';

export const name = 'ruby';

export interface RubyPlan {
  readonly gems: GemFacts | null;
  /** Debian packages that run beside Ruby. */
  readonly libraries: readonly string[];
  readonly isRails: boolean;
  readonly hasAssets: boolean;
  readonly buildCommand: string | null;
  readonly processes: Readonly<Record<string, string>>;
  readonly port: number;
  readonly warnings: readonly string[];
}

const programs = ['app.rb', 'main.rb', 'server.rb'];

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.firstOf(['Gemfile', 'config.ru'])) ?? null;
}

export async function plan(source: SourceTree, project: Project): Promise<RubyPlan> {
  const gems = await readGems(source);
  const hasRack = await source.has('config.ru');
  const program = await source.firstOf(programs);
  const processes = { ...project.run.processes };
  processes['web'] ??= await startCommand(source, { gems, hasRack, program });
  if (!processes['web']) {
    throw new AppError(
      'INVALID',
      `This Ruby app does not say how it starts: add a Procfile with "web: command", a config.ru with gem "puma" in the Gemfile, or one of ${programs.join(', ')}`,
    );
  }
  const text = program && !hasRack ? ((await source.readText(program)) ?? '') : '';
  const isRails = gems?.names.has('railties') === true || gems?.names.has('rails') === true;
  return {
    gems,
    libraries: gems ? gems.runtimeLibraries : hasRack ? ['puma', 'ruby-rack'] : [],
    isRails,
    hasAssets: isRails && ['sprockets', 'propshaft'].some((gem) => gems?.names.has(gem)),
    buildCommand: project.buildCommand,
    processes,
    port: [...portsIn(processes['web']), ...portsIn(text)][0] ?? defaultPort,
    warnings: [
      ...(gems && !gems.hasLock
        ? ['There is no Gemfile.lock: each build may bring other versions of gems; commit it']
        : []),
      ...(isRails ? ['Rails needs the environment variable SECRET_KEY_BASE or RAILS_MASTER_KEY'] : []),
    ],
  };
}

export async function build(context: BuildContext, plan: RubyPlan): Promise<BuildOutput> {
  const { room, runtimes, base, source, say } = context;
  const runtime = await ruby(runtimes, plan.libraries);
  say(`Ruby ${rubyVersion}`);
  room.own(source.folder);
  const app: FolderLayer = { folder: source.folder, prefix: 'app', exclude: isNotOfApp };
  const command = plan.buildCommand;
  if (plan.gems === null) {
    if (command) {
      room.enter([runtime.root, base.root]);
      const mounts = [{ source: source.folder, destination: '/app' }];
      await room.exec({ label: command, args: ['/bin/sh', '-c', command], mounts });
    }
    return { kind: 'layers', runtime, layers: [app] };
  }
  const { layer, run } = await installGems(context, plan.gems, runtime);
  const production = { RAILS_ENV: 'production', RACK_ENV: 'production', SECRET_KEY_BASE: 'of-no-use' };
  if (command) await run(command, ['/bin/sh', '-c', command], production);
  else if (plan.hasAssets) {
    await run('rails assets:precompile', ['bundle', 'exec', 'rails', 'assets:precompile'], production);
  }
  return { kind: 'layers', runtime, layers: [layer, app] };
}

export function launch({ gems, isRails, processes, port, warnings }: RubyPlan): Launch {
  return {
    processes,
    command: shellCommand(processes['web'] as string),
    ports: [port],
    env: {
      PATH: `/app/bin:${bundleFolder}/ruby/3.1.0/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      RACK_ENV: 'production',
      ...(isRails
        ? { RAILS_ENV: 'production', RAILS_LOG_TO_STDOUT: '1', RAILS_SERVE_STATIC_FILES: '1' }
        : {}),
      ...(gems ? bundleEnv(gems) : {}),
      PORT: String(port),
    },
    language: 'Ruby',
    version: rubyVersion,
    memoryMb: isRails ? 1024 : null,
    warnings,
  };
}

/** Caches that Rails fills while it precompiles. */
function isNotOfApp(path: string): boolean {
  return path === 'tmp/cache' || path === 'log/production.log' || path === 'vendor/bundle';
}

interface Facts {
  readonly gems: GemFacts | null;
  readonly hasRack: boolean;
  readonly program: string | undefined;
}

async function startCommand(source: SourceTree, { gems, hasRack, program }: Facts): Promise<string> {
  const has = (gem: string) => gems?.names.has(gem) === true;
  const onPort = 'tcp://0.0.0.0:$PORT';
  if (hasRack && gems === null) return `puma --bind ${onPort}`;
  if (hasRack && has('puma')) {
    const isConfigured = /\bPORT\b/.test((await source.readText('config/puma.rb')) ?? '');
    return `bundle exec puma ${isConfigured ? '--config config/puma.rb' : `--bind ${onPort}`}`;
  }
  if (hasRack && has('unicorn')) return 'bundle exec unicorn --host 0.0.0.0 --port $PORT';
  if (hasRack && has('falcon')) return 'bundle exec falcon serve --bind http://0.0.0.0:$PORT';
  if (hasRack && has('thin')) return 'bundle exec thin start --address 0.0.0.0 --port $PORT';
  if (hasRack && (has('rackup') || has('webrick'))) return 'bundle exec rackup --host 0.0.0.0 --port $PORT';
  if (program === undefined) return '';
  const usesSinatra = has('sinatra') && /sinatra/.test((await source.readText(program)) ?? '');
  const run = gems ? `bundle exec ruby ${program}` : `ruby ${program}`;
  return usesSinatra ? `${run} -o 0.0.0.0 -p $PORT` : run;
}
