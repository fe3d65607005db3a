import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeZip } from './base/zip.ts';
import { readFiles } from './testkit/files.ts';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';
import { askImage, type PulledImage, pullImage } from './testkit/run-image.ts';

/** Maven's plug-ins come from Debian's packages, so that no Maven repository is needed. */
const clientEnv = { SKYARC_MAVEN_URL: 'file:///usr/share/maven-repo' };
const fixture = join(import.meta.dirname, 'buildpacks/java/fixture');
const slow = { timeout: 400_000 };

let rig: Rig;
let git: GitServer;
let samplesDir: string;
beforeAll(async () => {
  samplesDir = await mkdtemp(join(tmpdir(), 'skyarc-archives-'));
  [rig, git] = await Promise.all([
    Rig.open(20_920, { instance: 'chaostest-java', clientEnv, samplesDir }),
    startGitServer(20_921),
  ]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
  await rm(samplesDir, { recursive: true, force: true });
});

let count = 0;

async function newApp(files: Readonly<Record<string, string>>) {
  count += 1;
  const repository = `open/java-${process.pid}-${count}.git`;
  await git.commit(repository, files);
  return {
    app: await rig.newApp({ kind: 'GIT', url: `${git.url}/${repository}`, branch: 'main' }),
    change: (changed: Readonly<Record<string, string>>) => git.commit(repository, changed),
  };
}

async function withImage<T>(image: string | undefined, use: (pulled: PulledImage) => Promise<T>): Promise<T> {
  const pulled = await pullImage(rig.config.registryUrl as string, image ?? '');
  try {
    return await use(pulled);
  } finally {
    await pulled.remove();
  }
}

function file(name: string, text: string) {
  const bytes = Buffer.from(text);
  return { name, method: 0, crc: crc32(bytes), size: bytes.length, bytes };
}

test('a module of a Maven project becomes a jar that answers, and the jar alone does too', slow, async () => {
  const files = await readFiles(fixture);
  const { app } = await newApp(files);
  const unclear = await rig.deploy(app);
  expect(unclear.build.message).toMatch(/2 modules that run: server \(jar\), site \(war\); choose one/);

  const { app: chosen } = await newApp({ ...files, 'skyarc.yml': 'build: { module: server }\n' });
  const first = await rig.deploy(chosen);
  expect(first.build, first.log).toMatchObject({ status: 'SUCCEEDED', buildpack: 'java', reason: 'pom.xml' });
  const archive = join(samplesDir, 'server');
  await mkdir(archive, { recursive: true });
  await withImage(first.version?.image, async (image) => {
    const { body, lines } = await askImage(image, 8080, '/hi');
    expect(body).toBe('Hello from a jar');
    expect(lines).toContain('GET /hi');
    await cp(join(image.rootfs, 'app/app.jar'), join(archive, 'server.jar'));
  });
  const fresh = await rig.deploy(chosen, { noCache: true });
  expect(fresh.log).toContain('mvn -pl server -am package');
  expect(fresh.version?.image).toBe(first.version?.image);

  const alone = await rig.deploy(await rig.newApp({ kind: 'TEMPLATE', template: 'server' }));
  expect(alone.build, alone.log).toMatchObject({ status: 'SUCCEEDED', reason: 'server.jar' });
  await withImage(alone.version?.image, async (image) => {
    expect((await askImage(image, 8080)).body).toBe('Hello from a jar');
  });
});

test('a war gets a web server, and its own modules are of the app, not of its packages', slow, async () => {
  const { app, change } = await newApp({
    ...(await readFiles(fixture)),
    'skyarc.yml': 'build: { module: site }\n',
  });
  const first = await rig.deploy(app);
  expect(first.build, first.log).toMatchObject({ status: 'SUCCEEDED', buildpack: 'java' });
  await withImage(first.version?.image, async (image) => {
    expect((await askImage(image, 8080, '/?name=Ann')).body.trim()).toBe('<p>Hello Ann from Java</p>');
    expect(await readdir(join(image.rootfs, 'app/webapp/WEB-INF/lib'))).toEqual(['greeting-1.0.jar']);
  });
  await change({ 'site/src/main/java/A.java': 'class A { int x = "no"; }\n' });
  const failed = await rig.deploy(app);
  expect(failed.build.message).toMatch(
    /the compiler found errors, the first: .*A\.java:1 incompatible types/,
  );
});

test('a war that was built elsewhere is served, also one for javax', slow, async () => {
  const folder = join(samplesDir, 'old-site');
  await mkdir(folder, { recursive: true });
  const page =
    '<%@ page import="javax.servlet.http.HttpServletRequest" %><%= ((HttpServletRequest) request).getMethod() %>';
  const webXml = '<web-app xmlns="http://xmlns.jcp.org/xml/ns/javaee" version="4.0"></web-app>';
  await writeZip(join(folder, 'site.war'), [file('WEB-INF/web.xml', webXml), file('index.jsp', page)]);
  const done = await rig.deploy(await rig.newApp({ kind: 'TEMPLATE', template: 'old-site' }));
  expect(done.build, done.log).toMatchObject({ status: 'SUCCEEDED', reason: 'site.war' });
  await withImage(done.version?.image, async (image) => {
    expect((await askImage(image, 8080)).body.trim()).toBe('GET');
  });
});

test('Gradle without a wrapper is Debian’s, and its programs start', slow, async () => {
  const server = (await readFiles(fixture))['server/src/main/java/shop/Server.java'] as string;
  const { app } = await newApp({
    'settings.gradle': "rootProject.name = 'shop'\n",
    'build.gradle': "apply plugin: 'application'\nmainClassName = 'shop.Server'\n",
    'src/main/java/shop/Server.java': server,
  });
  const done = await rig.deploy(app);
  expect(done.build, done.log).toMatchObject({ status: 'SUCCEEDED', reason: 'build.gradle' });
  await withImage(done.version?.image, async (image) => {
    expect((await askImage(image, 8080)).body).toBe('Hello from a jar');
  });
});

test('a Procfile finds the archives where the build put them', slow, async () => {
  const { app } = await newApp({
    ...(await readFiles(fixture)),
    Procfile: 'web: java $JAVA_OPTS -cp server/target/server-1.0.jar shop.Server\n',
    'skyarc.yml': 'build: { module: server }\n',
  });
  const done = await rig.deploy(app);
  expect(done.build, done.log).toMatchObject({ status: 'SUCCEEDED' });
  await withImage(done.version?.image, async (image) => {
    expect((await askImage(image, 8080)).body).toBe('Hello from a jar');
  });
});

test('an archive that is none is refused in words', slow, async () => {
  await mkdir(join(samplesDir, 'broken'), { recursive: true });
  await writeFile(join(samplesDir, 'broken/app.jar'), 'PK no');
  const done = await rig.deploy(await rig.newApp({ kind: 'TEMPLATE', template: 'broken' }));
  expect(done.build).toMatchObject({ status: 'FAILED' });
  expect(done.build.message).toMatch(/The archive is damaged: it is not a zip file/);
});
