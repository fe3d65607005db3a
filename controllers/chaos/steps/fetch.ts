import { createHash } from 'node:crypto';
import { chown, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { VersionRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { BuildRoom } from '../sandbox/room.ts';
import { GitSource } from '../sources/git.ts';
import { type Credentials, nobody } from '../sources/remote.ts';
import type { Fetched, Revision, Source } from '../sources/source.ts';
import { TemplateSource } from '../sources/template.ts';
import { SourceTree } from '../sources/tree.ts';
import { type BuildRun, repositoryOf } from './run.ts';

/** Changes when the same source would become another image. */
const builderVersion = 2;

const sourceSecret = z.object({
  username: z.string().default(''),
  password: z.string().default(''),
  token: z.string().default(''),
});

export interface Identified {
  readonly source: Source;
  readonly revision: Revision;
  readonly cacheKey: string;
  /** An earlier version of the same content that is still in the registry. */
  readonly reusable: VersionRecord | null;
}

/** Asks the source what it has now, and looks for a version that was made of it already. */
export async function identify(run: BuildRun, folder: string): Promise<Identified> {
  const source = openSource(run, folder);
  run.log.write(`Looking for ${source.description}`);
  const revision = await source.identify();
  const cacheKey = keyOf(run, revision);
  return { source, revision, cacheKey, reusable: run.isFresh ? null : await findReusable(run, cacheKey) };
}

/** The files of the revision, in a folder that only this build has. */
export async function fetchSource(
  run: BuildRun,
  room: BuildRoom,
  { source, revision }: Identified,
): Promise<{ tree: SourceTree; fetched: Fetched }> {
  const workspace = await room.disk.freshFolder('workspace');
  await chown(workspace, nobody.uid, nobody.gid);
  const files = join(workspace, 'source');
  const fetched = await source.fetch(revision, files);
  run.log.write(`Fetched ${fetched.id.slice(0, 12)}${fetched.author ? ` by ${fetched.author}` : ''}`);
  if (fetched.message) run.log.write(`  ${fetched.message.split('\n')[0]}`);
  return { tree: new SourceTree(await enter(run, files)), fetched };
}

function openSource(run: BuildRun, folder: string): Source {
  const { source, app, shared, signal, log } = run;
  if (source.kind === 'TEMPLATE') return new TemplateSource(shared.config.samplesDir, source.template);
  const isSsh = !/^https?:/.test(source.url);
  const sshKey =
    isSsh && app.team.sshPrivateKey
      ? shared.secrets.open(app.team.sshPrivateKey, `team:${app.teamName}`)
      : undefined;
  return new GitSource({
    url: source.url,
    branch: source.branch,
    credentials: isSsh ? undefined : credentialsOf(run, (secret) => log.hide(secret)),
    sshKey,
    knownHostsFile: join(shared.config.dataDir, 'teams', app.teamName, 'known_hosts'),
    policy: { allowPrivate: run.allowPrivate },
    env: proxiesOf(shared.upstreams.env),
    folder,
    signal: AbortSignal.any([signal, fetchTimeout(shared.config.limits.fetchTimeoutMs, source.url)]),
  });
}

/** A name that is not asked for by servers that know only tokens. */
function credentialsOf({ app, shared }: BuildRun, hide: (secret: string) => void): Credentials | undefined {
  if (!app.sourceSecret) return undefined;
  const plain = shared.secrets.open(app.sourceSecret, `source:${app.id}`);
  const { username, password, token } = sourceSecret.parse(JSON.parse(plain));
  const secret = password || token;
  if (!secret && !username) return undefined;
  hide(secret);
  hide(Buffer.from(`${username || 'git'}:${secret}`).toString('base64'));
  return { username: username || 'git', password: secret };
}

function fetchTimeout(timeoutMs: number, url: string): AbortSignal {
  const controller = new AbortController();
  const seconds = Math.round(timeoutMs / 1000);
  setTimeout(
    () =>
      controller.abort(new AppError('TIMEOUT', `Cannot fetch ${url}: it took more than ${seconds} seconds`)),
    timeoutMs,
  ).unref();
  return controller.signal;
}

function proxiesOf(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /_proxy$/i.test(name)));
}

function keyOf({ source, app, shared }: BuildRun, revision: Revision): string {
  const { kind } = source;
  const folder = kind === 'GIT' ? (source.subdirectory ?? '') : source.template;
  const facts = [builderVersion, kind, revision.id, folder, app.buildpack ?? '', shared.base.layer.digest];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

async function findReusable(run: BuildRun, cacheKey: string): Promise<VersionRecord | null> {
  const { db, app, registry } = run;
  const earlier = await db.build.findFirst({
    where: { appId: app.id, cacheKey, status: 'SUCCEEDED', version: { isNot: null } },
    include: { version: true },
    orderBy: { number: 'desc' },
  });
  const version = earlier?.version;
  if (!version) return null;
  const digest = version.image.split('@')[1] ?? '';
  return (await registry.findManifest(repositoryOf(app), digest)) ? version : null;
}

/** The subdirectory, if it is a folder of the source and not a link out of it. */
async function enter({ source }: BuildRun, files: string): Promise<string> {
  const subdirectory = source.kind === 'GIT' ? source.subdirectory : undefined;
  if (!subdirectory) return files;
  const root = await realpath(files);
  const real = await realpath(join(root, subdirectory)).catch(() => null);
  if (real !== null && real.startsWith(root + sep)) return real;
  throw new AppError('NOT_FOUND', `The source has no folder "${subdirectory}"`);
}
