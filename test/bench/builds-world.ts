import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChaosConfig, clientEnvironmentOf, purge, start as startChaos } from '@skyarc/controllers/chaos';
import { start as startEventLog } from '@skyarc/controllers/eventlog';
import { start as startMq } from '@skyarc/controllers/mq';
import { start as startRepo, upstreamEnvironmentOf } from '@skyarc/controllers/repo';
import { newId } from '@skyarc/lib/contracts';
import { startEtcd } from '@skyarc/lib/etcd';
import { createEventLogClient, type EventLogClient } from '@skyarc/lib/eventlog-client';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createMqClient, type MqClient } from '@skyarc/lib/mq-client';
import { Daemon, run } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import { SecretBox } from '@skyarc/lib/secretbox';
import { makeGrantKeys } from '@skyarc/lib/signed-grant';
import {
  createOperation,
  type DataCenterDatabase,
  openDataCenterDatabase,
  relayOutbox,
} from '@skyarc/prisma/datacenter';
import { layersDir } from '../../controllers/chaos/testkit/rig.ts';
import type { GitRepository, GitServer } from '../testkit/git-server.ts';
import { startGitProcess } from './builds-git.ts';

/** What one build came to. */
export interface Built {
  /** From the task in the queue until the transaction that brings the version begins, which takes a few milliseconds. */
  readonly seconds: number;
  readonly buildId: string;
  /** `team/app@sha256:...` */
  readonly image: string;
}

export interface BenchedApp {
  readonly id: string;
  readonly repository: GitRepository;
}

export interface BuildWorldOptions {
  /** Seven ports from here on. */
  readonly basePort: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly chaos?: Partial<ChaosConfig>;
  /** Where everything is kept; a new folder of the machine's temporary ones when absent. */
  readonly parent?: string;
  /** Packages kept from run to run; a folder of this world when absent. */
  readonly packagesDir?: string;
  /** Packages of another world instead of a service of this one's own. */
  readonly packages?: Packages;
}

/** How builds reach a repo service. */
export type Packages = NonNullable<ChaosConfig['repo']>;

const team = 'bench';
/** The builder waits for no worker: an operation is over when its version is there. */
const buildTimeoutMs = 900_000;

/** All that stands between a task and an image: queue, event log, packages, registry and a builder, by their public faces. */
export class BuildWorld {
  readonly folder: string;
  readonly db: DataCenterDatabase;
  readonly eventLog: EventLogClient;
  readonly registryUrl: string;
  readonly packages: Packages;
  readonly layersDir: string;
  /** Where the builder keeps what builds under way have mounted. */
  private readonly room: string;
  private readonly mq: MqClient;
  private readonly git: GitServer;
  private readonly stack: Stack;

  private constructor(
    parts: Pick<BuildWorld, 'folder' | 'db' | 'eventLog' | 'registryUrl' | 'packages' | 'layersDir'> & {
      readonly mq: MqClient;
      readonly git: GitServer;
      readonly room: string;
    },
    stack: Stack,
  ) {
    this.folder = parts.folder;
    this.db = parts.db;
    this.eventLog = parts.eventLog;
    this.registryUrl = parts.registryUrl;
    this.packages = parts.packages;
    this.layersDir = parts.layersDir;
    this.room = parts.room;
    this.mq = parts.mq;
    this.git = parts.git;
    this.stack = stack;
  }

  static async start(options: BuildWorldOptions): Promise<BuildWorld> {
    const { basePort, env, chaos = {} } = options;
    const stack = new Stack();
    try {
      const folder = await mkdtemp(join(options.parent ?? tmpdir(), 'skyarc-builds-'));
      stack.add(() => rm(folder, { recursive: true, force: true }));
      const keep = <T extends RunningService>(service: T) => stack.use(service, (one) => one.stop());
      const etcd = keep(
        await startEtcd({
          name: 'builds',
          dataDir: join(folder, 'etcd'),
          runDir: folder,
          clientPort: basePort,
          peerPort: basePort + 1,
        }),
      );
      const queue = keep(await startMq({ port: 0, statusPort: 0, etcdUrl: etcd.url }));
      const events = keep(
        await startEventLog({ port: 0, ingestPort: 0, statusPort: 0, dataDir: join(folder, 'eventlog') }),
      );
      const packages = options.packages ?? (await startPackages(folder, options, stack));
      const registryUrl = await startRegistry(folder, basePort + 3, stack);
      const db = stack.use(await openDataCenterDatabase({ file: join(folder, 'datacenter.db') }), (one) =>
        one.$disconnect(),
      );
      await db.setting.create({ data: { name: 'allowPrivateSources', value: 'true' } });
      const keysOfTeam = { sshPublicKey: '', sshPrivateKey: '' };
      await db.team.create({ data: { name: team, namespace: `skyarc-${team}`, ...keysOfTeam } });
      const mq = stack.use(createMqClient(queue.url), (one) => one.close());
      const eventLog = stack.use(createEventLogClient(events.url), (one) => one.close());
      const git = stack.use(startGitProcess(), (one) => one.stop());
      const config: ChaosConfig = {
        instance: 'buildbench',
        statusPort: 0,
        dataDir: join(folder, 'data'),
        layersDir,
        registryUrl,
        repo: packages,
        clientEnv: clientEnvironmentOf(env),
        ...chaos,
      };
      await mkdir(config.layersDir as string, { recursive: true });
      const secretBox = new SecretBox(Buffer.alloc(32, 7));
      stack.add(() => purge(config));
      const builder = keep(await startChaos(config, { db, mq, eventlog: eventLog, secretBox }));
      await pollUntil(async () => ((await fetch(`${builder.url}/healthz`)).ok ? true : undefined), {
        timeoutMs: 300_000,
        onTimeout: () => new Error('the builder does not become healthy'),
      });
      const parts = { folder, db, eventLog, registryUrl, packages, layersDir: config.layersDir as string };
      const room = join('/run', `${config.instance}-chaos-${config.node ?? 'local'}`);
      return new BuildWorld({ ...parts, mq, git, room }, stack);
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }

  /** An app of these files, as if a person had just made it. */
  async newApp(name: string, files: Readonly<Record<string, string>>, memoryMb = 2048): Promise<BenchedApp> {
    const repository = await this.git.create(`${name}-${Date.now()}`, files);
    return { id: await this.newAppOf(name, repository, { memoryMb }), repository };
  }

  /** Another app of the same repository: with empty caches. */
  async newAppOf(
    name: string,
    repository: Pick<GitRepository, 'url'>,
    { memoryMb = 2048, id = newId('local', 'app') }: { memoryMb?: number; id?: string } = {},
  ): Promise<string> {
    const source = JSON.stringify({ kind: 'GIT', url: repository.url, branch: 'main' });
    const unique = `${name}-${id.slice(-6)}`.toLowerCase();
    const fixed = { id, teamName: team, groupId: 'g', source, buildMemoryMb: memoryMb };
    await this.db.app.create({ data: { ...fixed, name: unique, displayName: unique } });
    return id;
  }

  /** Puts the task into the queue; answers the build's id. */
  async begin(appId: string): Promise<string> {
    const operation = await createOperation(this.db, { app: { id: appId }, kind: 'DEPLOY', actor: 'bench' });
    await relayOutbox(this.db, (task) => this.mq.publish(task));
    return operation.buildId as string;
  }

  /** Builds once; throws with the end of the log when that fails. */
  async build(appId: string): Promise<Built> {
    const beganAt = Date.now();
    const buildId = await this.begin(appId);
    const build = await pollUntil(
      async () => {
        const row = await this.db.build.findUniqueOrThrow({
          where: { id: buildId },
          include: { version: true },
        });
        return row.status === 'QUEUED' || row.status === 'RUNNING' ? undefined : row;
      },
      // Who looks more often takes time from the builder, in whose process this is.
      { timeoutMs: buildTimeoutMs, everyMs: 50, onTimeout: () => new Error('the build does not end') },
    );
    const seconds = ((build.finishedAt ?? new Date()).getTime() - beganAt) / 1000;
    await this.db.app.update({ where: { id: appId }, data: { activeOperationId: null } });
    if (!build.version) throw new Error(`${build.message}\n${(await this.logOf(buildId)).join('\n')}`);
    return { seconds, buildId, image: build.version.image };
  }

  /**
   * Resolves once the last build, whosever, has cleared away what it made and nothing waits to be written to the disk: nobody
   * waits for these who builds now and then.
   */
  async settled(): Promise<void> {
    const isOver = async () =>
      (await readdir(this.room)).every((name) => name === 'runc' || name === 'disks');
    await pollUntil(async () => ((await isOver()) ? true : undefined), {
      timeoutMs: 60_000,
      everyMs: 20,
      onTimeout: () => new Error('the builder does not clear away its last build'),
    });
    await run('sync', []);
  }

  async logOf(buildId: string): Promise<string[]> {
    const { frames } = await this.eventLog.read({ stream: `build/${buildId}`, limit: 10_000 });
    return frames.map(({ line }) => line);
  }

  /** Bytes that the registry holds. */
  async storedBytes(): Promise<number> {
    return sizeOf(join(this.folder, 'registry/docker/registry/v2/blobs'));
  }

  async manifestOf(image: string): Promise<Manifest> {
    const [repository = '', reference = ''] = image.split('@');
    return this.manifest(repository, reference);
  }

  async manifest(repository: string, reference: string): Promise<Manifest> {
    const accept = 'application/vnd.oci.image.manifest.v1+json';
    const response = await fetch(`${this.registryUrl}/v2/${repository}/manifests/${reference}`, {
      headers: { accept },
    });
    if (!response.ok) throw new Error(`${repository}: ${response.status}`);
    return (await response.json()) as Manifest;
  }
}

export interface Manifest {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

async function startPackages(
  folder: string,
  { basePort, env, packagesDir }: BuildWorldOptions,
  stack: Stack,
): Promise<Packages> {
  const keys = makeGrantKeys();
  const service = await startRepo({
    port: basePort + 2,
    statusPort: 0,
    dataDir: packagesDir ?? join(folder, 'repo'),
    grantKey: keys.publicKey,
    clientEnv: upstreamEnvironmentOf(env),
  });
  stack.add(() => service.stop());
  return { url: service.url, grantKey: keys.privateKey };
}

async function startRegistry(folder: string, port: number, stack: Stack): Promise<string> {
  const file = join(folder, 'registry.json');
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    storage: { filesystem: { rootdirectory: join(folder, 'registry') }, delete: { enabled: true } },
  };
  await writeFile(file, JSON.stringify(settings));
  const url = `http://127.0.0.1:${port}`;
  const daemon = stack.use(
    new Daemon({
      name: 'registry',
      folder,
      command: 'docker-registry',
      args: ['serve', file],
      ready: async () => (await fetch(`${url}/v2/`)).ok,
    }),
    (one) => one.stop(),
  );
  await daemon.ensure();
  return url;
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name === 'data');
  const sizes = await Promise.all(
    files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
