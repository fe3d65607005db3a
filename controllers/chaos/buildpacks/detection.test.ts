import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SourceTree } from '../sources/tree.ts';
import { chooseBuildpack } from './registry.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-detect-'));
afterAll(() => rm(folder, { recursive: true }));
let count = 0;

async function tree(files: Readonly<Record<string, string>>): Promise<SourceTree> {
  count += 1;
  const root = join(folder, String(count));
  await mkdir(root);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return new SourceTree(root);
}

const start = '{"scripts":{"start":"node server.js"}}';
const flask = 'from flask import Flask\napp = Flask(__name__)\n';

test.each([
  [
    'dockerfile',
    { Dockerfile: 'FROM x\nEXPOSE 80 443/tcp 53/udp', 'package.json': start },
    undefined,
    [80, 443],
  ],
  ['nodejs', { 'package.json': start, 'app.py': '' }, 'node server.js', [8080]],
  [
    'nodejs',
    { 'package.json': start, Procfile: 'web: node x.js --port 3000' },
    'node x.js --port 3000',
    [3000],
  ],
  ['nodejs', { 'package.json': start, 'server.js': 'app.listen(5000)' }, 'node server.js', [5000]],
  [
    'nodejs',
    { 'package.json': start, 'server.js': 'app.listen(process.env.PORT || 5000)' },
    'node server.js',
    [8080],
  ],
  ['nodejs', { 'package.json': '{"main":"lib/a.js"}', 'lib/a.js': '' }, 'node lib/a.js', [8080]],
  [
    'python',
    { 'requirements.txt': 'flask', 'app.py': flask },
    'gunicorn --bind 0.0.0.0:$PORT --access-logfile - app:app',
    [8080],
  ],
  [
    'python',
    { 'requirements.txt': 'gunicorn\nflask', 'wsgi.py': flask },
    'gunicorn --bind 0.0.0.0:$PORT --access-logfile - wsgi:app',
    [8080],
  ],
  ['python', { 'main.py': 'HTTPServer(("", 9000), H).serve_forever()' }, 'python3 main.py', [9000]],
  ['static', { 'public/index.html': '' }, '/usr/local/bin/serve-static /app/public', [8080]],
  ['static', { 'index.html': '' }, '/usr/local/bin/serve-static /app', [8080]],
] as const)('%s takes %j', async (name, files, web, ports) => {
  const chosen = await chooseBuildpack(await tree(files));
  expect(chosen.name).toBe(name);
  expect(chosen.launch.processes['web']).toBe(web);
  expect(chosen.launch.ports).toEqual(ports);
});

test('nothing known names what was looked for and what is there', async () => {
  const source = await tree({ 'a.rs': '', 'src/b.rs': '' });
  await expect(chooseBuildpack(source)).rejects.toThrow(/looked for Dockerfile, .* found a\.rs, src\//);
  await expect(chooseBuildpack(source, { buildpack: 'cobol' })).rejects.toThrow(
    /no buildpack "cobol"; there are dockerfile/,
  );
});

test('a link that leads out of the source counts as missing', async () => {
  const source = await tree({ 'a.txt': 'a' });
  await symlink('/etc/passwd', join(source.folder, 'requirements.txt'));
  await symlink('/etc', join(source.folder, 'etc'));
  await symlink('a.txt', join(source.folder, 'inner'));
  expect(await source.readText('requirements.txt')).toBeNull();
  expect(await source.readText('etc/passwd')).toBeNull();
  expect(await source.readText('../1/a.txt')).toBeNull();
  expect(await source.readText('inner')).toBe('a');
});
