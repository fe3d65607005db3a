import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zipOf } from '@skyarc/lib/archive/testing';
import { afterAll, expect, test } from 'vitest';
import { filesOfFolder, filesOfTar, findPackages, purlOf, renderSpdx } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-sbom-'));
afterAll(() => rm(folder, { recursive: true }));

async function put(root: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

const dpkg = `Package: libc6
Status: install ok installed
Version: 2.36-9+deb12u10

Package: gone
Status: deinstall ok config-files
Version: 1.0
`;
const files = {
  'var/lib/dpkg/status': dpkg,
  'app/node_modules/@scope/one/package.json': '{"name":"@scope/one","version":"1.2.3","license":"MIT"}',
  'app/node_modules/two/package.json': '{"name":"two","version":"2.0.0","license":"see the file"}',
  'app/node_modules/two/lib/package.json': '{"name":"inner","version":"9.9.9"}',
  'app/node_modules/broken/package.json': '{"name":',
  'opt/venv/lib/python3.11/site-packages/Flask_Login-0.6.dist-info/METADATA':
    'Metadata-Version: 2.1\nName: Flask_Login\nVersion: 0.6\nLicense: MIT\n\nVersion: 7\n',
  'app/vendor/composer/installed.json': '{"packages":[{"name":"monolog/monolog","version":"3.5.0"},null]}',
  'usr/lib/ruby/gems/specifications/rack-3.0.9.gemspec': '',
  'app/commons-lang3-3.14.0.jar': 'no zip',
};
const purls = [
  'pkg:composer/monolog/monolog@3.5.0',
  'pkg:deb/debian/libc6@2.36-9%2Bdeb12u10',
  'pkg:gem/rack@3.0.9',
  'pkg:maven/commons-lang3@3.14.0',
  'pkg:npm/%40scope/one@1.2.3',
  'pkg:npm/two@2.0.0',
  'pkg:pypi/flask-login@0.6',
];

test('packages of each language are found in a folder, and the same in a tar of it', async () => {
  const root = join(folder, 'root');
  await put(root, files);
  await symlink('/etc', join(root, 'node_modules'));
  expect((await findPackages(filesOfFolder(root))).map(purlOf)).toEqual(purls);
  const tar = join(folder, 'root.tar');
  await promisify(execFile)('tar', ['-cf', tar, '-C', root, '.']);
  expect((await findPackages(filesOfTar(tar))).map(purlOf)).toEqual(purls);
  expect(await findPackages(filesOfFolder(join(folder, 'none')))).toEqual([]);
});

test('a jar tells of itself and of the jars within it', async () => {
  const root = join(folder, 'jar');
  const jar = zipOf({
    'META-INF/maven/com.example/shop/pom.properties': 'groupId=com.example\nartifactId=shop\nversion=1.0\n',
    'BOOT-INF/lib/spring-core-6.1.2.jar': 'x',
  });
  await put(root, { 'app/shop-1.0.jar': jar });
  expect((await findPackages(filesOfFolder(root))).map(purlOf)).toEqual([
    'pkg:maven/com.example/shop@1.0',
    'pkg:maven/spring-core@6.1.2',
  ]);
});

test('a Go program tells of its modules', async () => {
  const modules =
    'path\texample.com/shop\nmod\texample.com/shop\t(devel)\ndep\tgolang.org/x/text\tv0.14.0\th1:x\ndep\tgithub.com/a/b\tv1.0.0\n=>\tgithub.com/c/b\tv1.0.1\th1:y\n';
  const head = Buffer.concat([Buffer.from('\xff Go buildinf:\x08\x02', 'latin1'), Buffer.alloc(16)]);
  const info = Buffer.concat([head, text('go1.22.1'), text(`${'s'.repeat(16)}${modules}${'e'.repeat(16)}`)]);
  const program = Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(600_000), info]);
  await put(join(folder, 'go'), { 'app/shop': program });
  const found = await findPackages(
    (async function* () {
      for await (const file of filesOfFolder(join(folder, 'go'))) yield { ...file, isExecutable: true };
    })(),
  );
  expect(found.map(purlOf)).toEqual([
    'pkg:golang/github.com/c/b@v1.0.1',
    'pkg:golang/golang.org/x/text@v0.14.0',
    'pkg:golang/stdlib@1.22.1',
  ]);
});

test('the document names every package once, and is the same for the same packages', async () => {
  const packages = await findPackages(filesOfFolder(join(folder, 'root')));
  const bytes = renderSpdx('team/app', packages);
  expect(renderSpdx('team/app', packages)).toEqual(bytes);
  const document = JSON.parse(bytes.toString()) as Record<
    string,
    { SPDXID: string; licenseDeclared?: string }[]
  >;
  expect(document).toMatchObject({
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
  });
  expect(document['packages']).toHaveLength(purls.length + 1);
  expect(new Set(document['packages']?.map(({ SPDXID }) => SPDXID)).size).toBe(purls.length + 1);
  const licenses = document['packages']?.map(({ licenseDeclared }) => licenseDeclared);
  expect(licenses?.filter((license) => license === 'MIT')).toHaveLength(2);
});

/** A text as Go stores it: its length, then itself. */
function text(value: string): Buffer {
  return Buffer.concat([varint(value.length), Buffer.from(value, 'latin1')]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left >>= 7) bytes.push((left & 127) | 128);
  return Buffer.from([...bytes, left]);
}
