import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import { removeAll } from './base.ts';
import type { LayerStore, SharedLayer } from './store.ts';

/** Where the registry keeps runtimes, for images to share. */
export const runtimeRepository = 'skyarc/runtime';

export interface RuntimeTools {
  readonly store: LayerStore;
  readonly base: SharedLayer;
  /** Where resolved versions are remembered. */
  readonly folder: string;
  /** Environment of package clients on this machine. */
  readonly env: Readonly<Record<string, string>>;
  /** Installs Debian packages over the base: what they add lands in `root`. */
  /** Puts a runtime where images find its blob. */
  readonly publish: (layer: SharedLayer) => Promise<void>;
  readonly installPackages: (packages: readonly string[], root: string, scratch: string) => Promise<void>;
}

/** Programs that builds and apps run on, each a layer over the base, made at the first need and shared. */
export class Runtimes {
  private readonly tools: RuntimeTools;

  constructor(tools: RuntimeTools) {
    this.tools = tools;
  }

  /**
   * Node.js with npm, the newest release within a range such as `22` or `>=20 <23`; for its own major version
   * the very release that this process runs on, which is here already. Throws INVALID when none is.
   */
  async nodejs(range: string): Promise<SharedLayer & { readonly version: string }> {
    const pkg = `node-linux-${process.arch}`;
    const isOwn = range === process.versions.node.split('.')[0] && process.execPath.includes(`/${pkg}/`);
    const version = isOwn ? process.versions.node : await this.resolve(pkg, range);
    const made = await this.runtime(`nodejs-${version}`, async (root, scratch) => {
      await this.npmInstall(scratch, [...(isOwn ? [] : [`${pkg}@${version}`]), 'npm@11']);
      const program = isOwn ? process.execPath : join(scratch, 'node_modules', pkg, 'bin/node');
      const modules = join(root, 'usr/local/lib/node_modules');
      const bin = join(root, 'usr/local/bin');
      await mkdir(bin, { recursive: true });
      await cp(program, join(bin, 'node'));
      await chmod(join(bin, 'node'), 0o755);
      await cp(join(scratch, 'node_modules/npm'), join(modules, 'npm'), { recursive: true });
      await removeAll(modules, ['npm/docs', 'npm/man']);
      for (const name of ['npm', 'npx']) {
        await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name));
      }
    });
    return { ...made, version };
  }

  /** yarn or pnpm, for builds only: no image carries it. */
  async packageManager(name: 'yarn' | 'pnpm', range: string): Promise<SharedLayer> {
    const version = await this.resolve(name, range);
    return this.tools.store.ensure(`${name}-${version}`, async (root, scratch) => {
      await this.npmInstall(scratch, [`${name}@${version}`]);
      const modules = join(root, 'usr/local/lib/node_modules');
      await mkdir(join(root, 'usr/local/bin'), { recursive: true });
      await cp(join(scratch, 'node_modules', name), join(modules, name), { recursive: true });
      const manifest = JSON.parse(await readFile(join(modules, name, 'package.json'), 'utf8')) as {
        bin: Readonly<Record<string, string>>;
      };
      for (const [command, target] of Object.entries(manifest.bin)) {
        await symlink(join('../lib/node_modules', name, target), join(root, 'usr/local/bin', command));
      }
    });
  }

  /** Debian's Python 3 with pip and venv. */
  python(): Promise<SharedLayer> {
    const packages = ['python3', 'python3-pip', 'python3-venv'];
    return this.runtime('python3', (root, scratch) => this.tools.installPackages(packages, root, scratch));
  }

  /** nginx, with a start program that serves one folder on $PORT. */
  webServer(): Promise<SharedLayer> {
    return this.runtime('nginx-light', async (root, scratch) => {
      await this.tools.installPackages(['nginx-light'], root, scratch);
      const program = join(root, 'usr/local/bin/serve-static');
      await mkdir(join(root, 'usr/local/bin'), { recursive: true });
      await cp(join(import.meta.dirname, 'serve-static.sh'), program);
      await chmod(program, 0o755);
    });
  }

  /** buildah, for builds from a Dockerfile only. */
  imageBuilder(): Promise<SharedLayer> {
    return this.tools.store.ensure('buildah', (root, scratch) =>
      this.tools.installPackages(['buildah'], root, scratch),
    );
  }

  /** Part of images, unlike a tool: published once when it is made, and found there by every push. */
  private async runtime(
    name: string,
    make: (root: string, scratch: string) => Promise<void>,
  ): Promise<SharedLayer> {
    const isNew = (await this.tools.store.find(name)) === null;
    const layer = await this.tools.store.ensure(name, make);
    if (isNew) await this.tools.publish(layer);
    return layer;
  }

  private async npmInstall(folder: string, packages: readonly string[]): Promise<void> {
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    const options = [
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--no-package-lock',
      '--force',
    ];
    const { code, stderr } = await this.npm(['install', ...options, '--', ...packages], folder);
    if (code !== 0) {
      throw new AppError(
        'UNAVAILABLE',
        `Cannot install ${packages.join(' and ')} from npm: ${lastErrorOf(stderr)}`,
      );
    }
  }

  /** The newest version of a package in a range; remembered for a day, and longer while npm cannot say. */
  private async resolve(pkg: string, range: string): Promise<string> {
    const file = join(this.tools.folder, `${pkg}.versions.json`);
    const known = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Record<
      string,
      { version: string; at: number } | undefined
    >;
    const kept = known[range];
    if (kept && Date.now() - kept.at < 86_400_000) return kept.version;
    const answer = await this.npm(['view', '--json', '--', `${pkg}@${range}`, 'version']);
    const versions =
      answer.code === 0 && answer.stdout.trim() ? (JSON.parse(answer.stdout) as string | string[]) : [];
    const version = [versions]
      .flat()
      .filter((one) => /^\d+\.\d+\.\d+$/.test(one))
      .sort(byVersion)
      .at(-1);
    if (!version) {
      if (kept) return kept.version;
      if (answer.code === 0 || /E404|No match/.test(answer.stderr)) {
        const program = pkg.startsWith('node-') ? 'Node.js' : pkg;
        throw new AppError(
          'INVALID',
          `No version of ${program} is within "${range}"; ask for another one, e.g. "24"`,
        );
      }
      throw new AppError(
        'UNAVAILABLE',
        `Cannot ask npm for versions of ${pkg}: ${lastErrorOf(answer.stderr)}`,
      );
    }
    await mkdir(this.tools.folder, { recursive: true });
    await writeFile(file, JSON.stringify({ ...known, [range]: { version, at: Date.now() } }));
    return version;
  }

  private npm(args: readonly string[], cwd?: string) {
    const env = { PATH: process.env['PATH'] ?? '', ...this.tools.env };
    return run('npm', args, { cwd, env, timeoutMs: 300_000 });
  }
}

function byVersion(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const index = a.findIndex((part, place) => part !== b[place]);
  return index === -1 ? 0 : (a[index] as number) - (b[index] as number);
}

function lastErrorOf(stderr: string): string {
  return (
    stderr.split('\n').findLast((line) => /npm (ERR!|error)/.test(line) && !/complete log/.test(line)) ??
    'no answer'
  );
}
