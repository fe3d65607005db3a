import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtLayer, type OperationStepName } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { GrantSigner } from '@skyarc/lib/signed-grant';
import { type BuildRecord, limitMsOf } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import { exists } from '@skyarc/lib/files';
import type { BuildOutput } from '../buildpacks/buildpack.ts';
import { type Chosen, chooseBuildpack } from '../buildpacks/registry.ts';
import type { AppDisk } from '../sandbox/disk.ts';
import type { RepoAccess } from '../sandbox/repo-door.ts';
import { BuildRoom } from '../sandbox/room.ts';
import { nobody } from '../sources/remote.ts';
import type { Fetched } from '../sources/source.ts';
import type { SourceTree } from '../sources/tree.ts';
import { fetchSource, identify, type Identified, keptSourceOf, type Reusable } from './fetch.ts';
import { closedHostsOf } from '../upstreams.ts';
import { handOver } from './hand-over.ts';
import { ImageWork } from './image.ts';
import { publish, type Published } from './publish.ts';
import { RebaseWork } from './rebase.ts';
import type { BuildRun } from './run.ts';
import { settingsOf } from './settings.ts';

/** FETCH, DETECT, BUILD, PUBLISH in this order, then the version and the task that deploys it. */
export async function buildAndHandOver(run: BuildRun): Promise<void> {
  const folder = join(run.shared.place.room, nameOf(run));
  await mkdir(join(folder, 'fetch'), { recursive: true, mode: 0o711 });
  await chown(join(folder, 'fetch'), nobody.uid, nobody.gid);
  const pipeline = new Pipeline(run, folder);
  try {
    pipeline.prepare();
    await begin(run);
    await pipeline.fetch();
    await pipeline.make();
    await pipeline.publish();
  } finally {
    await pipeline.close();
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Operation and build are at work from now on. Throws CANCELED when the build has ended. */
async function begin(run: BuildRun): Promise<void> {
  const { db, build, journal, app } = run;
  await journal.start(limitMsOf(app, true));
  const { count } = await db.build.updateMany({
    where: { id: build.id, status: { in: ['QUEUED', 'RUNNING'] } },
    data: { status: 'RUNNING', startedAt: build.startedAt ?? run.startedAt, message: null },
  });
  if (count === 0) throw new AppError('CANCELED', 'Canceled on request');
  if (run.isResumed) journal.say('The builder that began with it has died: this one goes on', 'warn');
}

/** Short and unique on a machine: the random part of the build's id. */
function nameOf({ build, shared }: BuildRun): string {
  return `${shared.place.namePrefix}${build.id.split('.')[2]}`;
}

/** One build on its way; each step leaves what the next one needs. */
class Pipeline {
  private readonly run: BuildRun;
  private readonly folder: string;
  private room: BuildRoom | undefined;
  private preparing: Promise<unknown> | undefined;
  private identified!: Identified;
  private tree!: SourceTree;
  private fetched!: Fetched;
  private chosen!: Chosen;
  private output!: BuildOutput;

  constructor(run: BuildRun, folder: string) {
    this.run = run;
    this.folder = folder;
  }

  private get reusable(): Reusable | null {
    return this.identified.reusable;
  }

  /** Set when nothing is to be built. */
  private get image(): ImageWork | RebaseWork | null {
    const { source } = this.identified;
    return source instanceof ImageWork || source instanceof RebaseWork ? source : null;
  }

  /** Begins what takes a moment: a repository that the app's disk knows is asked and fetched in one. */
  prepare(): void {
    const { source, rebaseOf } = this.run;
    if (source.kind !== 'GIT' || rebaseOf !== null) return;
    this.preparing = hasDisk(this.run).then((isThere) => (isThere ? this.openRoom() : null));
    this.preparing.catch(() => undefined);
  }

  fetch(): Promise<void> {
    return this.step('FETCH', async () => {
      if (this.run.isResumed)
        this.run.log.write('The builder that began with it has died: what it finished here is used', 'warn');
      await this.preparing;
      const keep = this.room && keptSourceOf(this.room);
      this.identified = await identify(this.run, join(this.folder, 'fetch'), keep);
      if (this.reusable) return this.takeOver(this.reusable);
      const { source, revision } = this.identified;
      if (source instanceof RebaseWork) {
        await this.recordAs(source.build);
        return `Found ${source.description}`;
      }
      if (source instanceof ImageWork) {
        await this.record({ commitId: revision.id });
        return `Found ${source.description} at ${revision.id}`;
      }
      const room = this.room ?? (await this.openRoom());
      const { tree, fetched } = await fetchSource(this.run, room, { source, revision });
      this.tree = tree;
      this.fetched = fetched;
      const { id, message, author } = fetched;
      await this.record({ commitId: id, commitMessage: message, commitAuthor: author });
      return `Fetched ${source.description} at ${id.slice(0, 12)}`;
    });
  }

  /** DETECT and BUILD, unless there is an image already. */
  async make(): Promise<void> {
    if (this.reusable) return this.skip(['DETECT', 'BUILD'], 'Unchanged');
    await this.detect();
    await this.build();
  }

  private detect(): Promise<void> {
    return this.step('DETECT', async () => {
      if (this.image) return this.image.detect();
      this.chosen = await chooseBuildpack(this.tree, await settingsOf(this.run));
      const { name, reason, launch } = this.chosen;
      await this.record({ buildpack: name, reason });
      await this.limitNetwork();
      for (const warning of launch.warnings) this.run.log.write(warning, 'warn');
      const start = launch.processes['web'];
      return `Recognised ${name} by ${reason}${start ? `; it starts with: ${start}` : ''}`;
    });
  }

  private build(): Promise<void> {
    return this.step('BUILD', async () => {
      if (this.image) return 'Nothing to build: the image is there already';
      const { app, shared } = this.run;
      const { base, runtimes, secrets } = shared;
      this.output = await this.chosen.build({
        source: this.tree,
        room: this.room as BuildRoom,
        runtimes,
        base,
        secretFor: (purpose) => secrets.derive(`build:${app.id}:${purpose}`),
        say: (line) => this.run.log.write(line),
      });
      return 'Built';
    });
  }

  publish(): Promise<void> {
    return this.step('PUBLISH', async () => {
      const made = this.reusable
        ? againOf(this.reusable)
        : ((await this.image?.copy(join(this.folder, 'image'))) ?? (await this.push()));
      const version = await handOver(this.run, made, this.identified.cacheKey);
      return `Version ${version.number} is ready: ${made.image}`;
    });
  }

  /** Frees all, and notes what the app's caches take from now on. */
  async close(): Promise<void> {
    await this.preparing?.catch(() => undefined);
    const use = await this.room?.close();
    if (!use) return;
    const { usedBytes, limitBytes } = use;
    await this.run.db.build.updateMany({
      where: { id: this.run.build.id },
      data: { cacheBytes: BigInt(usedBytes), cacheLimitBytes: BigInt(limitBytes) },
    });
  }

  private async openRoom(): Promise<BuildRoom> {
    const room = await openRoom(this.run, this.folder);
    this.room = room;
    if (this.run.isFresh) await beginFresh(room.disk, this.run.build.id);
    return room;
  }

  private push(): Promise<Published> {
    const { output, fetched } = this;
    const { launch } = this.chosen;
    return publish(this.run, this.room as BuildRoom, { output, launch, timeSec: fetched.timeSec });
  }

  private async limitNetwork(): Promise<void> {
    const { shared, app, source } = this.run;
    const { openTeams } = shared.config;
    const isOpen = openTeams.includes('*') || openTeams.includes(app.teamName);
    const sourceUrl = 'url' in source ? source.url : undefined;
    // One of Yarn 1 names registries, which it asks whatever else it is told.
    const hasYarnLock = /^# yarn lockfile v1/m.test((await this.tree.readText('yarn.lock')) ?? '');
    const hosts = closedHostsOf(shared.upstreams, { isOpen, hasYarnLock, sourceUrl });
    if (hosts) this.room?.closeNetwork(hosts);
  }

  private async takeOver({ build, version }: Reusable): Promise<string> {
    await this.recordAs(build);
    return `Nothing has changed since version ${version.number}: its image is used again`;
  }

  /** It comes of the same source as an earlier build. */
  private recordAs({ commitId, commitMessage, commitAuthor, buildpack, reason }: BuildRecord): Promise<void> {
    return this.record({ commitId, commitMessage, commitAuthor, buildpack, reason });
  }

  private async record(data: Readonly<Record<string, string | null>>): Promise<void> {
    await this.run.db.build.update({ where: { id: this.run.build.id }, data });
  }

  private async skip(names: readonly OperationStepName[], sentence: string): Promise<void> {
    const { journal, log } = this.run;
    for (const name of names) {
      log.phase(name);
      log.write(sentence);
      journal.say(sentence);
    }
    await journal.skip(names, sentence);
  }

  private async step(name: OperationStepName, work: () => Promise<string>): Promise<void> {
    const { journal, log, signal } = this.run;
    log.phase(name);
    await journal.step(name, async () => {
      signal.throwIfAborted();
      try {
        const sentence = await work();
        log.write(sentence);
        journal.say(sentence);
        return sentence;
      } catch (error) {
        throw signal.aborted ? signal.reason : error;
      }
    });
  }
}

/** The image of an earlier version, all of it there already. */
function againOf({ build, version }: Reusable): Published {
  const layers = z.array(builtLayer).parse(JSON.parse(build.layers ?? '[]'));
  return {
    image: version.image,
    sizeBytes: Number(version.sizeBytes),
    ports: JSON.parse(version.ports) as number[],
    processes: JSON.parse(version.processes) as Record<string, string>,
    layers: layers.map((layer) => ({ ...layer, isFromCache: true })),
    sentBytes: 0,
  };
}

/**
 * A build that wishes for no cache begins without one. An attempt at it that was killed is no earlier build: what
 * that one finished counts.
 */
async function beginFresh(disk: AppDisk, buildId: string): Promise<void> {
  const mark = disk.path('cache', 'fresh-of');
  if ((await readFile(mark, 'utf8').catch(() => null)) === buildId) return;
  await disk.remove('cache');
  await disk.folder('cache');
  await writeFile(mark, buildId);
}

const repoGrantMs = 300_000;

/** The team's packages for one build, by grants that end soon. */
function repoAccessOf({ shared, app }: BuildRun): RepoAccess | null {
  const { repo } = shared.config;
  if (repo === null) return null;
  const signer = new GrantSigner(repo.grantKey);
  const claims = { use: 'repo', team: app.teamName, mayPublish: false };
  return {
    url: repo.url,
    authorization: () => `Bearer ${signer.sign({ ...claims, expiresAt: Date.now() + repoGrantMs })}`,
  };
}

function diskFileOf({ shared, app }: BuildRun): string {
  return join(shared.config.dataDir, 'disks', app.teamName, `${app.id}.ext4`);
}

function hasDisk(run: BuildRun): Promise<boolean> {
  return exists(diskFileOf(run));
}

function openRoom(run: BuildRun, folder: string): Promise<BuildRoom> {
  const { app, shared, log, signal, allowPrivate } = run;
  const { config, place, upstreams } = shared;
  return BuildRoom.open({
    id: nameOf(run),
    folder: join(folder, 'room'),
    stateDir: place.stateDir,
    cgroup: place.cgroup,
    diskFile: diskFileOf(run),
    keptDisks: shared.disks,
    limits: {
      cpuMillis: app.buildCpuMillis,
      memoryMb: app.buildMemoryMb,
      diskMb: app.buildDiskMb,
      processes: config.limits.processes,
    },
    network: { hosts: upstreams.hosts, allowPrivate, repo: repoAccessOf(run) },
    caFile: upstreams.caFile,
    env: upstreams.buildEnv,
    onLine: (line) => log.write(line),
    recent: () => log.recent(),
    signal,
  });
}
