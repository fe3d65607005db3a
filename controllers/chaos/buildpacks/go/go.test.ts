import { expect, test } from 'vitest';
import { chooseGo } from '../../base/runtimes/go.ts';
import { newTree } from '../../testkit/tree.ts';
import { chooseBuildpack } from '../registry.ts';
import { readGoModule } from './module.ts';

const main = 'package main\n\nfunc main() {}\n';
const mod = 'module example.com/shop\n\ngo 1.22\n';
const offered = ['1.20.14', '1.21.0', '1.21.13', '1.22.0', '1.22.5', '1.22.12', '1.23rc1', '1.26.3'];

test.each([
  ['1.22', null, '1.22.12'],
  ['1.22.3', null, '1.22.12'],
  ['1.16', null, '1.21.13'],
  ['1.22', '1.22.5', '1.22.5'],
  ['1.24', null, '1.26.3'],
])('go %s with toolchain %s gets %s', (least, exact, version) => {
  expect(chooseGo({ least, exact }, offered)).toBe(version);
});

test('a version that nobody has names the newest', () => {
  expect(() => chooseGo({ least: '1.99', exact: null }, offered)).toThrow(
    /no Go 1\.99; the newest is 1\.26\.3/,
  );
  expect(() => chooseGo({ least: '1.21', exact: '1.21.77' }, offered)).toThrow(/toolchain line of go\.mod/);
});

test.each([
  ['module example.com/a // x\ngo 1.21.4\ntoolchain go1.22.5\n', { least: '1.21.4', exact: '1.22.5' }],
  ['module "example.com/a"\n', { least: '1.16', exact: null }],
  ['module example.com/a\ngo 1.23rc1\ntoolchain default\n', { least: '1.23', exact: null }],
])('go.mod %j is read', async (text, wish) => {
  expect(await readGoModule(await newTree({ 'go.mod': text }))).toEqual({ path: 'example.com/a', ...wish });
});

test.each([
  '',
  'module\n',
  'module ../x\n',
  'module a/..\n',
  'module a\ngo two\n',
  'module a\ntoolchain gcc\n',
])('go.mod %j is refused', async (text) => {
  const source = await newTree({ 'go.mod': text, 'main.go': main });
  await expect(chooseBuildpack(source)).rejects.toMatchObject({ code: 'INVALID' });
});

test.each([
  [{ 'main.go': main }, '/app/bin/shop'],
  [{ 'cmd/api/main.go': main, 'lib.go': 'package shop' }, '/app/bin/api'],
  [{ 'cmd/api/main.go': main, 'cmd/shop/main.go': main }, '/app/bin/shop'],
  [{ 'main.go': main, 'tools/gen.go': `//go:build ignore\n\n${main}` }, '/app/bin/shop'],
  [{ 'cmd/api/main.go': main, 'cmd/job/main.go': main, Procfile: 'web: bin/job -v' }, 'bin/job -v'],
  [{ 'main.go': main, 'package.json': '{}' }, '/app/bin/shop'],
] as const)('%j starts with %s', async (files, web) => {
  const chosen = await chooseBuildpack(await newTree({ 'go.mod': mod, ...files }));
  expect(chosen.name).toBe('go');
  expect(chosen.launch.processes['web']).toBe(web);
  expect(chosen.launch.language).toBe('Go');
});

test('several programs are named, and the setting chooses one by name or folder', async () => {
  const files = { 'go.mod': mod, 'cmd/api/main.go': main, 'cmd/job/main.go': main, 'vendor/x/main.go': main };
  const source = await newTree(files);
  await expect(chooseBuildpack(source)).rejects.toThrow(/2 programs: api \(cmd\/api\), job \(cmd\/job\)/);
  for (const module of ['job', 'cmd/job', './cmd/job/']) {
    const chosen = await chooseBuildpack(source, { module });
    expect(chosen.launch.processes['web']).toBe('/app/bin/job');
  }
  await expect(chooseBuildpack(source, { module: 'mail' })).rejects.toThrow(/there are api, job/);
});

test('a library has nothing to run', async () => {
  const source = await newTree({ 'go.mod': mod, 'lib.go': 'package shop', 'lib_test.go': main });
  await expect(chooseBuildpack(source)).rejects.toThrow(/no package main/);
});

test.each([
  ['http.ListenAndServe(":9000", nil)', 9000],
  ['r.Run("0.0.0.0:9100")', 9100],
  ['http.ListenAndServe(":"+os.Getenv("PORT"), nil); other(":9000")', 8080],
])('%s listens on %i', async (line, port) => {
  const source = await newTree({ 'go.mod': mod, 'main.go': `package main\nfunc main() { ${line} }\n` });
  expect((await chooseBuildpack(source)).launch.ports).toEqual([port]);
});

test('a module without go.sum is warned of', async () => {
  const text = `${mod}\nrequire example.com/b v1.0.0\n`;
  const { launch } = await chooseBuildpack(await newTree({ 'go.mod': text, 'main.go': main }));
  expect(launch.warnings.join()).toMatch(/no go\.sum/);
});
