import { hash } from 'node:crypto';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newTree } from '../../testkit/tree.ts';
import { examine } from '../examine.ts';
import { emptyProject } from '../settings.ts';
import { launch, plan } from './index.ts';
import { makeReproducible, writeKeys } from './next-build.ts';

const pkg = (parts: Readonly<Record<string, unknown>>) => JSON.stringify(parts);
const built = (dependency: string, scripts: Readonly<Record<string, string>> = {}) =>
  pkg({ devDependencies: { [dependency]: '1' }, scripts: { build: 'x build', ...scripts } });

test.each([
  [{ 'package.json': built('vite', { start: 'vite preview' }), 'index.html': '' }, 'Vite', 'dist', true],
  [
    { 'package.json': built('vite'), 'index.html': '', 'vite.config.ts': `build: { outDir: './out/' }` },
    'Vite',
    'out',
    true,
  ],
  [
    { 'package.json': built('react-scripts', { start: 'react-scripts start' }) },
    'Create React App',
    'build',
    true,
  ],
  [{ 'package.json': built('@vue/cli-service') }, 'Vue CLI', 'dist', true],
  [{ 'package.json': built('astro') }, 'Astro', 'dist', false],
  [{ 'package.json': built('next'), 'next.config.mjs': `output: 'export',` }, 'Next.js', 'out', false],
  [{ 'package.json': built('x'), 'nodestatic.json': '{"path": "www"}' }, 'Front end', 'www', true],
] as const)('%j is %s of files in %s', async (files, framework, folder, isSinglePage) => {
  const made = await plan(await newTree(files), emptyProject);
  expect(made).toMatchObject({ result: 'files', frontEnd: { framework, folder, isSinglePage } });
  expect(launch(made)).toMatchObject({ ports: [8080], language: framework });
});

test.each([
  [
    { 'package.json': built('vite', { start: 'node server.js' }), 'index.html': '' },
    'node server.js',
    'program',
  ],
  [{ 'package.json': built('next', { start: 'next start' }) }, 'next start', 'program'],
  [
    { 'package.json': built('next', { start: 'next start' }), 'next.config.js': 'output: "standalone"' },
    'node server.js',
    'standalone',
  ],
  [{ 'package.json': built('@sveltejs/kit', { start: 'node build' }) }, 'node build', 'program'],
] as const)('%j starts with %s', async (files, web, result) => {
  const made = await plan(await newTree(files), emptyProject);
  expect(made.result).toBe(result);
  expect(made.processes['web']).toBe(web);
});

const workspace = {
  'package.json': pkg({ private: true, workspaces: ['packages/*', '!packages/old'] }),
  'packages/lib/package.json': pkg({ name: '@shop/lib', scripts: { build: 'tsc' } }),
  'packages/api/package.json': pkg({
    name: '@shop/api',
    scripts: { start: 'node server.js --port 4000', build: 'tsc' },
    dependencies: { '@shop/lib': '1' },
  }),
  'packages/web/package.json': pkg({
    name: 'web',
    devDependencies: { vite: '5' },
    scripts: { build: 'vite build' },
  }),
  'packages/web/index.html': '',
  'packages/old/package.json': pkg({ name: 'old', scripts: { start: 'x' } }),
};

test('a workspace offers the packages that can run, and builds the chosen one after what it needs', async () => {
  const source = await newTree(workspace);
  const whole = await examine(source);
  expect(whole.problem).toBe('This is a workspace: choose one of its packages as module: @shop/api, web');
  expect(whole.modules).toEqual([
    { name: '@shop/api', path: 'packages/api', kind: 'Node.js' },
    { name: 'web', path: 'packages/web', kind: 'Vite' },
  ]);
  for (const module of ['@shop/api', 'packages/api']) {
    const api = await examine(source, { module });
    expect(api.found).toMatchObject({
      processes: { web: 'cd packages/api && exec node server.js --port 4000' },
      ports: [4000],
    });
  }
  const made = await plan(source, { ...emptyProject, module: '@shop/api' });
  expect(made.builds).toEqual([
    ['npm', 'run', 'build', '--workspace=@shop/lib'],
    ['npm', 'run', 'build', '--workspace=@shop/api'],
  ]);
  const web = await plan(source, { ...emptyProject, module: 'web' });
  expect(web).toMatchObject({ folder: 'packages/web', result: 'files' });
});

test('pnpm and both kinds of yarn are told apart, and workspaces stay within the source', async () => {
  expect((await managerOf({ 'pnpm-lock.yaml': '' })).tool).toEqual({ name: 'pnpm', range: '10' });
  expect((await managerOf({ 'yarn.lock': '# yarn lockfile v1' })).tool?.name).toBe('yarn');
  expect((await managerOf({ 'yarn.lock': '__metadata:\n  version: 8' })).tool?.name).toBe(
    '@yarnpkg/cli-dist',
  );
  const outside = newTree({ 'package.json': pkg({ workspaces: ['../*'] }) });
  await expect(plan(await outside, emptyProject)).rejects.toThrow('leads out of the source');
});

test('builds of Next.js get an id made of their content', async () => {
  const made: string[] = [];
  for (const id of ['aaaaaaaaaaaaaaaaaaaaa', 'zzzzzzzzzz-zzzzzzzz_z']) {
    const source = await newTree(filesOf(id));
    await makeReproducible(source, '.next');
    const now = await readFile(join(source.folder, '.next/BUILD_ID'), 'utf8');
    const page = await readFile(join(source.folder, '.next/server/page.html'), 'utf8');
    expect(page).toBe(`<script src="/_next/static/${now}/x.js">`);
    expect(await source.has(`.next/static/${now}/_ssgManifest.js`)).toBe(true);
    expect(await source.has('.next/trace')).toBe(false);
    made.push(now);
  }
  expect(made[0]).toBe(made[1]);
  const named = await newTree({ '.next/BUILD_ID': 'v1.2' });
  await writeFile(join(named.folder, '.next/trace'), '');
  await makeReproducible(named, '.next');
  expect(await named.has('.next/trace')).toBe(true);
});

test('keys of Next.js are of the app alone, and no link of an earlier build is followed', async () => {
  const { folder } = await newTree({ 'victim.txt': 'whole' });
  await symlink(join(folder, 'victim.txt'), join(folder, '.previewinfo'));
  const keysOf = async (app: string) => {
    await writeKeys(folder, (purpose) => hash('sha256', `${app} ${purpose}`, 'buffer'));
    return Promise.all(['.previewinfo', '.rscinfo'].map((name) => readFile(join(folder, name), 'utf8')));
  };
  const first = await keysOf('one');
  expect(await keysOf('one')).toEqual(first);
  const other = await keysOf('other');
  expect(other[0]).not.toBe(first[0]);
  expect(other[1]).not.toBe(first[1]);
  expect(JSON.parse(first[0] as string)).toMatchObject({
    previewModeId: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(await readFile(join(folder, 'victim.txt'), 'utf8')).toBe('whole');
});

async function managerOf(files: Readonly<Record<string, string>>) {
  const source = await newTree({ 'package.json': built('x', { start: 'a' }), ...files });
  return (await plan(source, emptyProject)).manager;
}

function filesOf(id: string): Record<string, string> {
  return {
    '.next/BUILD_ID': id,
    [`.next/static/${id}/_ssgManifest.js`]: 'self',
    '.next/static/chunks/x.js': 'x',
    '.next/server/page.html': `<script src="/_next/static/${id}/x.js">`,
    '.next/trace': String(Math.random()),
  };
}
