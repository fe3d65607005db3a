import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { type PackedFile, writeZip, ZipFile } from '../../base/zip.ts';
import { newTree } from '../../testkit/tree.ts';
import { chooseBuildpack } from '../registry.ts';
import { dependenciesOf, examineArchive, normalizeArchive } from './archive.ts';
import { listGradleModules } from './gradle.ts';
import { listMavenModules } from './maven.ts';

const plugin = (id: string, more = '') => `<plugin><artifactId>${id}</artifactId>${more}</plugin>`;
const boot = `<build><plugins>${plugin('spring-boot-maven-plugin')}</plugins></build>`;
const pom = (artifact: string, body: string) =>
  `<?xml version="1.0"?><!-- a > b --><project xmlns="http://maven.apache.org/POM/4.0.0"><artifactId>${artifact}</artifactId>${body}</project>`;
const modulesOf = (...names: string[]) =>
  `<packaging>pom</packaging><modules>${names.map((name) => `<module>${name}</module>`).join('')}</modules>`;
const main = 'class A { public static void main(String[] args) {} }';

test('a Maven project tells which of its modules run', async () => {
  const manifest =
    '<configuration><archive><manifest><mainClass>A</mainClass></manifest></archive></configuration>';
  const source = await newTree({
    'pom.xml': pom(
      'top',
      `${modulesOf('api', 'site', 'lib', 'tool', '../out', 'gone', 'deep')}<properties><java.version>11</java.version></properties>`,
    ),
    'api/pom.xml': pom('shop-api', boot),
    'site/pom.xml': pom(
      'shop-site',
      '<packaging>war</packaging><properties><maven.compiler.release>17</maven.compiler.release></properties>',
    ),
    'lib/pom.xml': pom('shop-lib', ''),
    'tool/pom.xml': pom(
      'shop-tool',
      `<build><plugins>${plugin('maven-jar-plugin', manifest)}</plugins></build>`,
    ),
    'deep/pom.xml': pom(
      'deep',
      `${modulesOf('a')}<build><plugins>${plugin('spring-boot-maven-plugin')}</plugins></build>`,
    ),
    'deep/a/pom.xml': pom('deep-a', ''),
    'deep/a/src/main/java/A.java': main,
  });
  expect(
    (await listMavenModules(source)).map(({ name, path, kind, java }) => [name, path, kind, java]),
  ).toEqual([
    ['shop-api', 'api', 'jar', 11],
    ['shop-site', 'site', 'war', 17],
    ['shop-tool', 'tool', 'jar', 11],
    ['deep-a', 'deep/a', 'jar', 11],
  ]);
  await expect(chooseBuildpack(source)).rejects.toThrow(
    /4 modules that run: shop-api \(jar\), shop-site \(war\)/,
  );
  const chosen = await chooseBuildpack(source, { module: 'site' });
  expect(chosen).toMatchObject({ name: 'java', reason: 'pom.xml' });
  expect(chosen.launch).toMatchObject({
    command: ['/app/start'],
    memoryMb: 1024,
    language: 'Java',
    version: '17',
  });
});

test.each([
  ['<packaging>jar</packaging>', /No module of this Maven project runs by itself/],
  ['<packaging>jar', /pom\.xml is not valid XML/],
  [
    `${boot}<properties><java.version>21</java.version></properties>`,
    /pom\.xml asks for Java 21, and there is 17/,
  ],
])('a pom.xml with %s is refused', async (body, message) => {
  await expect(chooseBuildpack(await newTree({ 'pom.xml': pom('a', body) }))).rejects.toThrow(message);
});

test('system.properties wins over the pom, and old versions are compiled for', async () => {
  const files = { 'pom.xml': pom('a', `${boot}<properties><java.version>1.8</java.version></properties>`) };
  expect((await chooseBuildpack(await newTree(files))).name).toBe('java');
  const asked = await newTree({ ...files, 'system.properties': 'java.runtime.version=21.0.2\n' });
  await expect(chooseBuildpack(asked)).rejects.toThrow(/system\.properties asks for Java 21/);
});

test('the port of Spring Boot is found, and a Procfile wins', async () => {
  const files = {
    'pom.xml': pom('a', boot),
    'src/main/resources/application.yml': 'spring:\n  x: 1\nserver:\n  port: 9090\n',
  };
  expect((await chooseBuildpack(await newTree(files))).launch).toMatchObject({
    ports: [9090],
    env: { PORT: '9090' },
  });
  const own = await newTree({ ...files, Procfile: 'web: java $JAVA_OPTS -jar target/a.jar' });
  expect((await chooseBuildpack(own)).launch.command?.at(-1)).toBe('exec java $JAVA_OPTS -jar target/a.jar');
});

test('a Gradle build tells which of its projects run, and by which task', async () => {
  const source = await newTree({
    'settings.gradle':
      "rootProject.name = 'shop'\ninclude ':api', 'web:site'\ninclude(\"cli\")\n// include 'old'\n",
    'build.gradle': "plugins { id 'org.springframework.boot' version '3.3.0' apply false }",
    'api/build.gradle':
      "plugins {\n  id 'org.springframework.boot'\n}\njava { toolchain { languageVersion = JavaLanguageVersion.of(17) } }",
    'web/site/build.gradle': "apply plugin: 'war'",
    'cli/build.gradle.kts': 'plugins {\n  application\n}',
  });
  expect(await listGradleModules(source)).toEqual([
    { name: 'api', path: 'api', kind: 'jar', task: ':api:bootJar', java: 17 },
    { name: 'web/site', path: 'web/site', kind: 'war', task: ':web:site:war', java: undefined },
    { name: 'cli', path: 'cli', kind: 'distribution', task: ':cli:installDist', java: undefined },
  ]);
  expect((await chooseBuildpack(source, { module: 'cli' })).name).toBe('java');
});

function file(name: string, content: string | Buffer = '') {
  const bytes = Buffer.from(content as string);
  return { name, method: 0, crc: crc32(bytes), size: bytes.length, bytes };
}

async function write(path: string, files: readonly PackedFile[]): Promise<void> {
  await rm(path, { force: true });
  await writeZip(path, files);
}
const classOf = (java: number, text = '') =>
  Buffer.concat([Buffer.from([0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, java + 44]), Buffer.from(text)]);

test('an archive at the top is looked at before anything is made', async () => {
  const source = await newTree({});
  const path = join(source.folder, 'app.jar');
  await write(path, [
    file('META-INF/MANIFEST.MF', 'Main-Class: com.example.\r\n Main\r\n\r\nName: x\r\nMain-Class: y\r\n'),
    file('A.class', classOf(17)),
  ]);
  expect((await examineArchive(path, 'app.jar')).mainClass).toBe('com.example.Main');
  expect(await chooseBuildpack(source)).toMatchObject({ name: 'java', reason: 'app.jar' });
  await write(path, [file('META-INF/MANIFEST.MF', 'Main-Class: A\n'), file('A.class', classOf(21))]);
  await expect(chooseBuildpack(source)).rejects.toThrow(/app\.jar was compiled for Java 21, and there is 17/);
  await write(path, [file('A.class', classOf(11))]);
  await expect(chooseBuildpack(source)).rejects.toThrow(/no Main-Class/);
  await writeFile(path, 'not a zip');
  await expect(chooseBuildpack(source)).rejects.toThrow(/The archive is damaged/);
});

test('a web application is known by its folder, and an old one by its names', async () => {
  const source = await newTree({});
  const path = join(source.folder, 'site.war');
  await write(path, [file('WEB-INF/classes/A.class', classOf(8, 'javax/servlet/http/HttpServlet'))]);
  expect(await examineArchive(path, 'site.war')).toMatchObject({ isWebApp: true, isJavax: true, java: 8 });
});

test('packages of others are told from the app by layers.idx, or by their place', async () => {
  const source = await newTree({});
  const path = join(source.folder, 'app.jar');
  const index =
    '- "dependencies":\n  - "BOOT-INF/lib/"\n- "spring-boot-loader":\n  - "org/"\n- "snapshot-dependencies":\n- "application":\n  - "BOOT-INF/classes/"\n  - "BOOT-INF/lib/own.jar"\n';
  await write(path, [file('BOOT-INF/layers.idx', index)]);
  const isDependency = await dependenciesOf(path);
  const names = [
    'BOOT-INF/lib/a.jar',
    'BOOT-INF/lib/own.jar',
    'org/x/A.class',
    'BOOT-INF/classes/A.class',
    'META-INF/MANIFEST.MF',
  ];
  expect(names.map(isDependency)).toEqual([true, false, true, false, false]);
  await write(path, [file('x')]);
  const byPlace = await dependenciesOf(path);
  expect(['WEB-INF/lib/a.jar', 'WEB-INF/lib/a-1-SNAPSHOT.jar', 'index.jsp'].map(byPlace)).toEqual([
    true,
    false,
    false,
  ]);
});

test('archives of equal content become equal bytes, the manifest first', async () => {
  const source = await newTree({});
  const properties = (date: string) =>
    file('META-INF/maven/g/a/pom.properties', `#Generated by Maven\n#${date}\nversion=1\n`);
  const manifest = file('META-INF/MANIFEST.MF', 'Main-Class: A\n');
  const [one, two] = ['one.jar', 'two.jar'].map((name) => join(source.folder, name)) as [string, string];
  await write(one, [file('b'), properties('Mon'), manifest, file('META-INF/')]);
  await write(two, [file('META-INF/'), manifest, properties('Tue'), file('b')]);
  for (const path of [one, two]) await normalizeArchive(path);
  await using zip = await ZipFile.open(one);
  await using other = await ZipFile.open(two);
  expect([...zip.entries.values()]).toEqual([...other.entries.values()]);
  expect([...zip.entries.keys()].slice(0, 2)).toEqual(['META-INF/', 'META-INF/MANIFEST.MF']);
});

test('a link that a build left where an archive is packed anew is not followed', async () => {
  const source = await newTree({ precious: 'mine' });
  const path = join(source.folder, 'app.jar');
  await write(path, [file('a')]);
  await symlink(join(source.folder, 'precious'), `${path}.partial`);
  await normalizeArchive(path);
  expect(await source.readText('precious')).toBe('mine');
});
