import { chmod, cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { removeAll } from '../base.ts';
import { NpmPackages } from '../npm-packages.ts';
import type { Runtimes } from '../runtimes.ts';
import type { SharedLayer, Tool } from '../store.ts';

/**
 * Node.js with npm, the newest release within a range such as `22` or `>=20 <23`; for its own major version
 * the very release that this process runs on, which is here already. Throws INVALID when none is.
 */
export async function nodejs(
  runtimes: Runtimes,
  range: string,
): Promise<SharedLayer & { readonly version: string }> {
  const npm = new NpmPackages(runtimes);
  const pkg = `node-linux-${process.arch}`;
  const isOwn = range === process.versions.node.split('.')[0] && process.execPath.includes(`/${pkg}/`);
  const version = isOwn ? process.versions.node : await npm.resolve(pkg, range);
  const made = await runtimes.runtime(`nodejs-${version}`, async (root, scratch) => {
    await npm.install(scratch, [...(isOwn ? [] : [`${pkg}@${version}`]), 'npm@11']);
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
export async function packageManager(
  runtimes: Runtimes,
  name: 'yarn' | 'pnpm' | '@yarnpkg/cli-dist',
  range: string,
): Promise<Tool> {
  const npm = new NpmPackages(runtimes);
  const version = await npm.resolve(name, range);
  return runtimes.tool(`${name.replace('/', '+')}-${version}`, async (root, scratch) => {
    await npm.install(scratch, [`${name}@${version}`]);
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
