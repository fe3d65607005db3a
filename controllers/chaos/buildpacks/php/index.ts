import { AppError } from '@skyarc/lib/errors';
import { composer, php, phpVersion } from '../../base/runtimes/php.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { type BuildContext, type BuildOutput, defaultPort, type Launch } from '../buildpack.ts';
import { portsIn, shellCommand } from '../procfile.ts';
import type { Project } from '../settings.ts';
import { type ComposerFacts, readComposer } from './composer.ts';
import { packagesOf, usual, usualUnsaid } from './extensions.ts';
import { installPackages } from './install.ts';

export const name = 'php';

export interface PhpPlan {
  readonly composer: ComposerFacts | null;
  /** Debian packages. */
  readonly extensions: readonly string[];
  readonly buildCommand: string | null;
  readonly processes: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly port: number;
  readonly healthPath: string | null;
  readonly warnings: readonly string[];
}

/** Folders that frameworks let web servers show, before the whole source. */
const documentRoots = ['public', 'web', 'webroot', 'htdocs', 'www', 'public_html', ''];
const entries = documentRoots.map((folder) => (folder ? `${folder}/index.php` : 'index.php'));

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.firstOf(['composer.json', ...entries])) ?? null;
}

export async function plan(source: SourceTree, project: Project): Promise<PhpPlan> {
  const facts = await readComposer(source);
  const { packages, missing } = packagesOf(facts ? [...usual, ...facts.extensions] : usualUnsaid);
  if (missing.length > 0) {
    throw new AppError(
      'INVALID',
      `composer.json requires ${missing.map((one) => `ext-${one}`).join(', ')}, which Debian's PHP ${phpVersion} does not have; use a Dockerfile`,
    );
  }
  const processes = { ...project.run.processes };
  const served = /^(?:vendor\/bin\/)?heroku-php-(?:apache2|nginx)(?: +(\S+))?$/.exec(processes['web'] ?? '');
  const asked = project.documentRoot ?? served?.[1]?.replace(/\/+$/, '') ?? null;
  const root = processes['web'] && !served ? null : await findRoot(source, asked);
  const command =
    root === null
      ? shellCommand(processes['web'] as string)
      : ['/usr/local/bin/serve-php', root ? `/app/${root}` : '/app'];
  processes['web'] = root === null ? (processes['web'] as string) : command.join(' ');
  return {
    composer: facts,
    extensions: packages,
    buildCommand: project.buildCommand,
    processes,
    command,
    port: (root === null && portsIn(processes['web'])[0]) || defaultPort,
    healthPath: /health:\s*['"]\/up['"]/.test((await source.readText('bootstrap/app.php')) ?? '')
      ? '/up'
      : null,
    warnings: await warningsOf(source, facts, root),
  };
}

export async function build(context: BuildContext, plan: PhpPlan): Promise<BuildOutput> {
  const { room, runtimes, base, source, say } = context;
  const runtime = await php(runtimes, plan.extensions);
  say(`PHP ${phpVersion} with ${plan.extensions.map((one) => one.replace(/^php[\d.]*-/, '')).join(', ')}`);
  room.own(source.folder);
  const whole = { folder: source.folder, prefix: 'app' };
  if (!plan.composer && !plan.buildCommand) return { kind: 'layers', runtime, layers: [whole] };
  const tool = await composer(runtimes);
  room.enter([tool.root, runtime.root, base.root]);
  const layers = plan.composer
    ? await installPackages(context, plan.composer, runtime.layer.digest)
    : [whole];
  if (plan.buildCommand) {
    const mounts = [{ source: source.folder, destination: '/app' }];
    await room.exec({ label: plan.buildCommand, args: ['/bin/sh', '-c', plan.buildCommand], mounts });
  }
  return { kind: 'layers', runtime, layers };
}

export function launch({ processes, command, port, healthPath, warnings }: PhpPlan): Launch {
  return {
    processes,
    command,
    ports: [port],
    env: {
      PATH: '/app/vendor/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      PORT: String(port),
    },
    language: 'PHP',
    version: phpVersion,
    healthPath,
    warnings,
  };
}

/** Relative to the source; empty for all of it. */
async function findRoot(source: SourceTree, asked: string | null): Promise<string> {
  if (asked !== null) {
    if (await source.sub(asked)) return asked;
    throw new AppError('INVALID', `The document root "${asked}" is not a folder of the source`);
  }
  const found = await source.firstOf(entries);
  if (found) return found.replace(/\/?index\.php$/, '');
  throw new AppError(
    'INVALID',
    `This PHP app does not say what it shows: add one of ${entries.slice(0, 2).join(', ')} or index.php, set documentRoot, or add a Procfile with "web: command"`,
  );
}

async function warningsOf(
  source: SourceTree,
  facts: ComposerFacts | null,
  root: string | null,
): Promise<string[]> {
  const warnings: string[] = [];
  if (facts?.hasPackages && !facts.hasLock)
    warnings.push('There is no composer.lock: each build may bring other versions of packages; commit it');
  const access = root === null ? null : await source.readText(root ? `${root}/.htaccess` : '.htaccess');
  if (/^\s*(?:RewriteRule|Redirect|AuthType|Deny|Require)\b/im.test(access ?? ''))
    warnings.push('.htaccess is for Apache: nginx serves this app and sends unknown paths to index.php');
  if (await source.has('artisan')) warnings.push('Laravel needs the environment variable APP_KEY');
  if (/"build"\s*:/.test((await source.readText('package.json')) ?? ''))
    warnings.push('The build script of package.json is not run for a PHP app; commit what it makes');
  return warnings;
}
