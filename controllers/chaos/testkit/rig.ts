import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuiltSource, newId } from '@skyarc/lib/contracts';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import { RegistryClient } from '@skyarc/lib/oci';
import { startTestRegistry } from '@skyarc/lib/oci/testing';
import type { Daemon } from '@skyarc/lib/process';
import { SecretBox } from '@skyarc/lib/secretbox';
import { createRegistry } from '@skyarc/lib/status';
import {
  type AppRecord,
  createOperation,
  type DataCenterDatabase,
  openDataCenterDatabase,
} from '@skyarc/prisma/datacenter';
import { type ChaosConfig, chaosConfigSchema } from '../config.ts';
import { Controller } from '../controller.ts';
import { BuildMetrics } from '../metrics.ts';
import { placeOf, prepare } from '../prepare.ts';
import { sweep } from '../sandbox/sweep.ts';

/** Base and runtimes stay here from run to run, as on a machine that has built before. */
export const layersDir = '/var/tmp/skyarc-test/layers';

type AppSettings = Partial<
  Pick<AppRecord, 'buildMemoryMb' | 'buildDiskMb' | 'buildTimeoutSec' | 'buildpack' | 'sourceSecret' | 'name'>
>;

type RigSettings = Pick<
  ChaosConfig,
  'instance' | 'clientEnv' | 'samplesDir' | 'repo' | 'layersDir' | 'openTeams'
>;

/** Arguments of the deploy. */
type Wishes = { readonly noCache?: boolean; readonly rebaseOf?: string };

/** A builder with a real registry and database; lines of the logs are kept in memory. */
export class Rig {
  readonly folder: string;
  readonly db: DataCenterDatabase;
  readonly config: ChaosConfig;
  readonly secrets = new SecretBox(Buffer.alloc(32, 7));
  readonly lines = new Map<string, string[]>();
  readonly stopping = new AbortController();
  readonly registry: RegistryClient;
  readonly daemon: Daemon;
  controller!: Controller;

  private constructor(
    folder: string,
    port: number,
    { db, daemon, settings }: { db: DataCenterDatabase; daemon: Daemon; settings: RigSettings },
  ) {
    this.folder = folder;
    this.db = db;
    const registryUrl = `http://127.0.0.1:${port}`;
    const limits = { registryPatienceMs: 30_000, fetchTimeoutMs: 30_000 };
    this.config = {
      instance: 'chaostest',
      dataDir: join(folder, 'data'),
      layersDir,
      registryUrl,
      statusPort: 0,
      limits,
      ...settings,
    };
    this.registry = new RegistryClient({ url: registryUrl });
    this.daemon = daemon;
  }

  static async open(port: number, settings: RigSettings = {}): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-chaos-'));
    const db = await openDataCenterDatabase({ file: join(folder, 'datacenter.db') });
    const daemon = await startTestRegistry({ folder, port });
    const rig = new Rig(folder, port, { db, daemon, settings });
    await db.setting.create({ data: { name: 'allowPrivateSources', value: 'true' } });
    const config = chaosConfigSchema.parse(rig.config);
    await mkdir(layersDir, { recursive: true });
    await sweep(placeOf(config));
    await mkdir(placeOf(config).stateDir, { recursive: true, mode: 0o711 });
    rig.controller = await rig.newController(rig.stopping.signal);
    return rig;
  }

  async newController(stopping: AbortSignal, node = 'local'): Promise<Controller> {
    const shared = await prepare(chaosConfigSchema.parse({ ...this.config, node }), this.secrets, stopping);
    const metrics = new BuildMetrics(createRegistry('chaos'));
    const sink = {
      say: (id: string, text: string) => this.note(`operation/${id}`, text),
      notify: () => undefined,
    };
    const eventlog = { writer: ({ stream }: { stream: string }) => this.writerOf(stream) };
    const deps = {
      db: this.db,
      metrics,
      sink: sink as never,
      mq: { publish: () => Promise.reject(new Error('away')) },
      eventlog: eventlog as unknown as EventLogClient,
    };
    return new Controller(shared, deps, stopping);
  }

  async close(): Promise<void> {
    this.stopping.abort();
    for (const node of ['local', 'other']) {
      await sweep(placeOf(chaosConfigSchema.parse({ ...this.config, node })));
    }
    await this.db.$disconnect();
    await this.daemon.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async newApp(source: BuiltSource, settings: AppSettings = {}, team = 'blue'): Promise<AppRecord> {
    const keys = { sshPublicKey: '', sshPrivateKey: '' };
    await this.db.team.upsert({
      where: { name: team },
      create: { name: team, namespace: `skyarc-${team}`, ...keys },
      update: {},
    });
    const id = newId('local', 'app');
    const name = settings.name ?? `app-${id.slice(-6)}`;
    return this.db.app.create({
      data: {
        id,
        teamName: team,
        groupId: 'g',
        displayName: name,
        source: JSON.stringify(source),
        ...settings,
        name,
      },
    });
  }

  async begin(app: Pick<AppRecord, 'id'>, options: Wishes = {}) {
    const operation = await createOperation(this.db, {
      app,
      kind: 'DEPLOY',
      actor: 'test',
      arguments: options,
    });
    const body = {
      operationId: operation.id,
      buildId: operation.buildId,
      appId: app.id,
      team: operation.teamName,
    };
    return { operation, body, buildId: operation.buildId as string };
  }

  /** Builds once and tells all that a person could see of it. */
  async deploy(app: Pick<AppRecord, 'id'>, options: Wishes = {}) {
    const begun = await this.begin(app, options);
    const startedAt = performance.now();
    await this.controller.handle({ body: begun.body, signal: new AbortController().signal });
    const seconds = (performance.now() - startedAt) / 1000;
    // The worker would end the operation of a build that succeeded.
    await this.db.app.update({ where: { id: app.id }, data: { activeOperationId: null } });
    return { seconds, ...(await this.outcome(begun.buildId, begun.operation.id)) };
  }

  async outcome(buildId: string, operationId: string) {
    const build = await this.db.build.findUniqueOrThrow({
      where: { id: buildId },
      include: { version: true },
    });
    const operation = await this.db.operation.findUniqueOrThrow({
      where: { id: operationId },
      include: { steps: { orderBy: { position: 'asc' } } },
    });
    return {
      build,
      operation,
      version: build.version,
      log: (this.lines.get(`build/${buildId}`) ?? []).join('\n'),
    };
  }

  private note(stream: string, text: string): void {
    const lines = this.lines.get(stream) ?? [];
    lines.push(text);
    this.lines.set(stream, lines);
  }

  private writerOf(stream: string) {
    return {
      write: (text: string) => {
        this.note(stream, text);
        return Promise.resolve();
      },
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }
}
