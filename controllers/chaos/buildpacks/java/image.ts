import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, cp, lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { jakartaMigration, jre, tomcat } from '../../base/runtimes/java.ts';
import type { SharedLayer } from '../../base/store.ts';
import { ZipFile } from '../../base/zip.ts';
import type { BuildContext, BuildOutput, FolderLayer } from '../buildpack.ts';
import { type ArchiveFacts, dependenciesOf, examineArchive, normalizeArchive } from './archive.ts';

/** The program that starts a Java app, written by the build, which knows how. */
export const startProgram = '/app/start';

/** Two folders that become two layers of /app. */
interface Parts {
  readonly app: string;
  readonly dependencies: string;
}

/** What of the source goes into the image beside what was built. */
export interface Result {
  readonly archive: string;
  /** For a person: the archive's path in the source. */
  readonly shownName: string;
  /** Names of archives that this build made: they change with the app, wherever they lie. */
  readonly ownArchives: ReadonlySet<string>;
  /** Whether this build wrote the archives of others within, too. */
  readonly isRewritten?: boolean;
}

/** An archive as layers: packages of others, then the app; unpacked where that makes a change small. */
export async function imageOfArchive(context: BuildContext, result: Result): Promise<BuildOutput> {
  const { runtimes, room } = context;
  const facts = await examineArchive(result.archive, result.shownName);
  const parts = await newParts(context);
  let runtime = await jre(runtimes);
  if (facts.isWebApp) {
    runtime = await tomcat(runtimes);
    const served = facts.isJavax ? await migrate(context, result) : result;
    await unpack(served, parts, 'webapp/');
    await writeStart(parts, 'exec /usr/local/bin/serve-war');
  } else if (facts.isSpringBoot && facts.mainClass) {
    await unpack(result, parts, '');
    await writeStart(
      parts,
      `exec java $JAVA_OPTS "-Dserver.port=$PORT" -cp /app ${quote(facts.mainClass)} "$@"`,
    );
  } else {
    await copyArchive(context, result, facts, parts);
    await writeStart(parts, 'exec java $JAVA_OPTS -jar /app/app.jar "$@"');
  }
  room.signal.throwIfAborted();
  return layersOf(context, parts, runtime);
}

/** A folder that a build tool made for running: `lib/*.jar` beside programs, as Gradle's and Quarkus's are. */
export async function imageOfFolder(
  context: BuildContext,
  { folder, start, ownArchives }: { folder: string; start: string; ownArchives: ReadonlySet<string> },
): Promise<BuildOutput> {
  const parts = await newParts(context);
  for (const path of await readdir(folder, { recursive: true })) {
    const from = join(folder, path);
    if (!(await lstat(from)).isFile()) continue;
    const isForeign = path.endsWith('.jar') && /(^|\/)lib\//.test(path) && !ownArchives.has(basename(path));
    const to = join(isForeign ? parts.dependencies : parts.app, path);
    await mkdir(join(to, '..'), { recursive: true });
    await cp(from, to);
    if (path.endsWith('.jar') && !isForeign) await normalizeArchive(to);
  }
  await writeStart(parts, start);
  return layersOf(context, parts, await jre(context.runtimes));
}

/** For an own start command: the source after the build, with its archives where the build put them. */
export async function imageOfTree(
  { source, runtimes }: BuildContext,
  archives: readonly string[],
): Promise<BuildOutput> {
  for (const archive of archives) await normalizeArchive(archive);
  const left =
    /(^|\/)(\.git|\.gradle|node_modules)$|(^|\/)target\/(?!.*\.[jw]ar$|lib(\/|$)|dependency(\/|$)|quarkus-app(\/|$))[^/]+$|(^|\/)build\/(classes|tmp|generated|reports|test-results|kotlin)$/;
  const app: FolderLayer = { folder: source.folder, prefix: 'app', exclude: (path) => left.test(path) };
  return { kind: 'layers', runtime: await jre(runtimes), layers: [app] };
}

async function newParts({ room }: BuildContext): Promise<Parts> {
  const folder = await room.disk.freshFolder('workspace/image');
  const parts = { app: join(folder, 'app'), dependencies: join(folder, 'dependencies') };
  for (const part of Object.values(parts)) await mkdir(part);
  return parts;
}

async function unpack(result: Result, parts: Parts, prefix: string): Promise<void> {
  const { archive, ownArchives, isRewritten = false } = result;
  const isDependency = await dependenciesOf(archive);
  const isForeign = (name: string) => isDependency(name) && !ownArchives.has(basename(name));
  await using zip = await ZipFile.open(archive);
  await zip.extract(parts.dependencies, (name) => (isForeign(name) ? prefix + name : null));
  await zip.extract(parts.app, (name) => (isForeign(name) ? null : prefix + name));
  for (const name of zip.entries.keys()) {
    if (!/-INF\/lib\/[^/]+\.jar$/.test(name) || (isForeign(name) && !isRewritten)) continue;
    await normalizeArchive(join(isForeign(name) ? parts.dependencies : parts.app, prefix, name));
  }
}

/** A single archive, with the packages beside it that its manifest names. */
async function copyArchive(
  { source }: BuildContext,
  { archive, shownName, ownArchives }: Result,
  { mainClass, manifest }: ArchiveFacts,
  parts: Parts,
): Promise<void> {
  if (!mainClass) {
    throw new AppError(
      'INVALID',
      `${shownName} does not say how it starts: its manifest has no Main-Class; add one, the plug-in of Spring Boot, or a Procfile with "web: command"`,
    );
  }
  const target = join(parts.app, 'app.jar');
  await copyRegular(archive, target);
  await normalizeArchive(target);
  const beside = join(shownName, '..');
  for (const path of (manifest['Class-Path'] ?? '').split(' ')) {
    if (!/^[\w-][\w.+-]*(?:\/[\w-][\w.+-]*)*\.jar$/.test(path)) continue;
    const found = await source.resolve(join(beside, path));
    if (found === null) continue;
    const isOwn = ownArchives.has(basename(path));
    const to = join(isOwn ? parts.app : parts.dependencies, path);
    await mkdir(join(to, '..'), { recursive: true });
    await copyRegular(found, to);
    if (isOwn) await normalizeArchive(to);
  }
}

async function copyRegular(from: string, to: string): Promise<void> {
  if (!(await lstat(from)).isFile()) throw new AppError('INVALID', `${basename(from)} is not a file`);
  await copyFile(from, to, constants.COPYFILE_FICLONE);
}

async function writeStart({ app }: Parts, line: string): Promise<void> {
  await writeFile(join(app, 'start'), `#!/bin/sh\n${line}\n`);
  await chmod(join(app, 'start'), 0o755);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Packages are remembered by their content: only another set of them is packed and sent again. */
async function layersOf({ room }: BuildContext, parts: Parts, runtime: SharedLayer): Promise<BuildOutput> {
  const hash = createHash('sha256').update('2\0');
  const entries = await readdir(parts.dependencies, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (let from = 0; from < files.length; from += hashedAtOnce) {
    const some = files.slice(from, from + hashedAtOnce);
    for (const [index, digest] of (await Promise.all(some.map(sha256Of))).entries())
      hash.update(`${relative(parts.dependencies, some[index] as string)}\0${digest}\0`);
  }
  const remember = join(await room.disk.folder('cache/layers'), `${hash.digest('hex')}.json`);
  const app: FolderLayer = { folder: parts.app, prefix: 'app' };
  const dependencies: FolderLayer = { folder: parts.dependencies, prefix: 'app', remember };
  return { kind: 'layers', runtime, layers: files.length > 0 ? [dependencies, app] : [app] };
}

const hashedAtOnce = 8;

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** A copy of the archive for Jakarta EE, which today's Tomcat serves. */
async function migrate({ room, runtimes, base, say }: BuildContext, result: Result): Promise<Result> {
  say('The web application is written for Java EE (javax): it is converted for Jakarta EE');
  room.enter([...(await jakartaMigration(runtimes)), base].map(({ root }) => root));
  const folder = await room.disk.freshFolder('workspace/migration');
  await copyRegular(result.archive, join(folder, 'old.war'));
  room.own(folder);
  const classes = '/usr/share/tomcat-jakartaee-migration/lib/*';
  const program = ['java', '-cp', classes, 'org.apache.tomcat.jakartaee.MigrationCLI', '-profile=EE'];
  await room.exec({
    label: 'tomcat-jakartaee-migration',
    args: [...program, '/output/old.war', '/output/new.war'],
    cwd: '/output',
    mounts: [{ source: folder, destination: '/output' }],
  });
  return { ...result, archive: join(folder, 'new.war'), isRewritten: true };
}
