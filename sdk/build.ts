import { execFileSync } from 'node:child_process';
import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const dist = join(here, 'dist');

/** The package as it is published, whole in `dist/`: an ES module for each entry, declarations, README, package.json. */
async function pack(): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  await build({
    entryPoints: { index: join(here, 'src/index.ts'), alerts: join(here, 'src/alerts/index.ts') },
    outdir: dist,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    sourcemap: true,
  });
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(here, 'tsconfig.build.json')], { stdio: 'inherit' });
  await rewriteImports(join(dist, 'types'));
  await cp(join(here, 'README.md'), join(dist, 'README.md'));
  await writeFile(join(dist, 'package.json'), await manifest());
}

async function manifest(): Promise<string> {
  const source = JSON.parse(await readFile(join(here, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { scripts: _, ...published } = source;
  const exports = {
    '.': { types: './types/index.d.ts', default: './index.js' },
    './alerts': { types: './types/alerts/index.d.ts', default: './alerts.js' },
  };
  return `${JSON.stringify({ ...published, exports }, null, 2)}\n`;
}

// Declarations keep the `.ts` of the sources; readers of the package have `.d.ts` beside a `.js` name.
async function rewriteImports(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) {
    if (!entry.endsWith('.d.ts')) continue;
    const file = join(folder, entry);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
}

await pack();
