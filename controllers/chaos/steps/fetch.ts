import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildRecord, VersionRecord } from '@skyarc/prisma/datacenter';
import type { BuildRoom } from '../sandbox/room.ts';
import { enterSubdirectory, type FileSource, openSource } from '../sources/open.ts';
import { nobody } from '../sources/remote.ts';
import type { Fetched, Revision, Source } from '../sources/source.ts';
import { SourceTree } from '../sources/tree.ts';
import { keyOf } from './cache-key.ts';
import { ImageWork } from './image.ts';
import { RebaseWork } from './rebase.ts';
import { type BuildRun, repositoryOf } from './run.ts';

/** An earlier build of the same content, and the version that it became. */
export interface Reusable {
  readonly build: BuildRecord;
  readonly version: VersionRecord;
}

export interface Identified {
  /** Files to build from, or an image that is one already. */
  readonly source: Source | ImageWork | RebaseWork;
  readonly revision: Revision;
  readonly cacheKey: string;
  /** Its image is still in the registry. */
  readonly reusable: Reusable | null;
}

/** Where the app's disk keeps what spares its source work. */
export function keptSourceOf(room: BuildRoom): string {
  return room.disk.path('cache', 'source');
}

/** Asks the source what it has now, and looks for a version that was made of it already. */
export async function identify(run: BuildRun, folder: string, keep?: string): Promise<Identified> {
  const { source: stored } = run;
  if (run.rebaseOf !== null) {
    const rebase = await RebaseWork.open(run, run.rebaseOf);
    const revision = await rebase.identify();
    return { source: rebase, revision, cacheKey: rebase.cacheKey, reusable: null };
  }
  const source =
    stored.kind === 'IMAGE' ? await ImageWork.open(run, stored.image) : openFor(run, stored, folder);
  run.log.write(`Looking for ${source.description}`);
  // Mostly it is the newest that is asked for again, which can be looked for meanwhile.
  const newest = run.isFresh ? Promise.resolve(null) : findReusable(run);
  newest.catch(() => undefined);
  const revision = await source.identify(keep);
  const cacheKey = keyOf(run, revision, run.shared.base.layer.digest);
  if (run.isFresh) return { source, revision, cacheKey, reusable: null };
  const first = await newest;
  const reusable = first?.build.cacheKey === cacheKey ? first : await findReusable(run, cacheKey);
  return { source, revision, cacheKey, reusable };
}

/** The files of the revision, in a folder that only this build has. */
export async function fetchSource(
  run: BuildRun,
  room: BuildRoom,
  { source, revision }: { readonly source: Source; readonly revision: Revision },
): Promise<{ tree: SourceTree; fetched: Fetched }> {
  const stored = run.source as FileSource;
  const workspace = await room.disk.freshFolder('workspace');
  await chown(workspace, nobody.uid, nobody.gid);
  const files = join(workspace, 'source');
  await room.disk.folder('cache');
  const fetched = await source.fetch(revision, files, keptSourceOf(room));
  run.log.write(`Fetched ${fetched.id.slice(0, 12)}${fetched.author ? ` by ${fetched.author}` : ''}`);
  if (fetched.message) run.log.write(`  ${fetched.message.split('\n')[0]}`);
  return { tree: new SourceTree(await enterSubdirectory(stored, files)), fetched };
}

/** The source of a build's files, with the team's keys and the app's credentials. */
function openFor(run: BuildRun, source: FileSource, folder: string): Source {
  const { app, shared, signal, allowPrivate, log } = run;
  return openSource(source, {
    shared,
    teamName: app.teamName,
    sshPrivateKey: app.team.sshPrivateKey,
    secret: { sealed: app.sourceSecret, place: `source:${app.id}` },
    allowPrivate,
    folder,
    hide: (secret) => log.hide(secret),
    signal,
  });
}

/** The newest of all builds that made a version, or of those with that key. */
async function findReusable(run: BuildRun, cacheKey?: string): Promise<Reusable | null> {
  const { db, app, registry } = run;
  const earlier = await db.build.findFirst({
    where: { appId: app.id, cacheKey, status: 'SUCCEEDED', version: { isNot: null } },
    include: { version: true },
    orderBy: { number: 'desc' },
  });
  if (!earlier?.version) return null;
  const { version, ...build } = earlier;
  const digest = version.image.split('@')[1] ?? '';
  return (await registry.findManifest(repositoryOf(app), digest)) ? { build, version } : null;
}
