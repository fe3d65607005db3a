import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@skyarc/lib/contracts';
import {
  assembleImage,
  DerivedAccounts,
  ensureImageKeys,
  type Image,
  type ImageKeys,
  type LayerSource,
  pushImage,
  RegistryClient,
  signImage,
  writeLayer,
} from '@skyarc/lib/oci';
import { type AppRecord, type DataCenterDatabase, openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { HubConfig } from '../config.ts';
import { type RunningHub, start, stopEngine } from '../main.ts';

/** A token of somebody in team "blue", at the console of {@link HubRig}. */
export const annsToken = 'skyarc_pat_ann0123456789';

/** A hub with its registry and database, and a console that knows one person. */
export class HubRig {
  readonly folder: string;
  readonly db: DataCenterDatabase;
  readonly accounts = new DerivedAccounts('of this test');
  readonly keys: ImageKeys;
  readonly config: HubConfig;
  hub!: RunningHub;
  private readonly console: Server;
  private readonly port: number;

  private constructor(parts: { folder: string; db: DataCenterDatabase; keys: ImageKeys; port: number }) {
    const { folder, port } = parts;
    this.folder = folder;
    this.db = parts.db;
    this.keys = parts.keys;
    this.port = port;
    this.config = {
      port,
      tokenPort: port + 1,
      statusPort: port + 2,
      dataDir: join(folder, 'hub'),
      consoleUrl: `http://127.0.0.1:${port + 3}/graphql`,
    };
    this.console = createServer((request, response) => {
      const isAnn = request.headers.authorization === `Bearer ${annsToken}`;
      const viewer = isAnn ? { teams: [{ name: 'blue' }] } : null;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: { viewer } }));
    });
  }

  /** Uses four ports from the given one on. */
  static async open(port: number): Promise<HubRig> {
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-hub-'));
    const db = await openDataCenterDatabase({ file: join(folder, 'datacenter.db') });
    const keys = await ensureImageKeys(join(folder, 'image-signing.key'));
    const rig = new HubRig({ folder, db, keys, port });
    await new Promise<void>((resolve) => rig.console.listen(port + 3, '127.0.0.1', resolve));
    await rig.start();
    return rig;
  }

  async start(changes: Partial<HubConfig> = {}): Promise<void> {
    await this.hub?.stop();
    const deps = { db: this.db, accounts: this.accounts, imageKeys: this.keys };
    this.hub = await start({ ...this.config, ...changes }, deps);
  }

  async close(): Promise<void> {
    await this.hub.stop();
    await stopEngine(this.config);
    this.console.close();
    this.console.closeAllConnections();
    await this.db.$disconnect();
    await rm(this.folder, { recursive: true, force: true });
  }

  get tokenUrl(): string {
    return `http://127.0.0.1:${this.port + 1}/auth/token`;
  }

  /** Logged in as one of the hub's own accounts, or as somebody with another password. */
  client(username: string, password = this.accounts.passwordOf(username)): RegistryClient {
    return new RegistryClient({ url: this.hub.url, account: { username, password }, patienceMs: 20_000 });
  }

  /** An app of a team, with a build that runs: chaos may push. */
  async newApp(team: string, name = `app-${randomBytes(4).toString('hex')}`): Promise<AppRecord> {
    await this.db.team.upsert({
      where: { name: team },
      create: { name: team, namespace: `skyarc-${team}`, sshPublicKey: '', sshPrivateKey: '' },
      update: {},
    });
    const id = newId('local', 'app');
    const data = { id, teamName: team, groupId: 'g', name, displayName: name, source: '{}' };
    const app = await this.db.app.create({ data });
    await this.db.build.create({
      data: { id: newId('local', 'build'), appId: id, number: 0, status: 'RUNNING' },
    });
    return app;
  }

  /** An image of one layer that nothing else has, and perhaps others below it. */
  async newImage(
    bytes = 2_000,
    below: readonly LayerSource[] = [],
  ): Promise<{ image: Image; sources: LayerSource[] }> {
    const name = randomBytes(6).toString('hex');
    await writeFile(join(this.folder, name), randomBytes(bytes));
    const file = join(this.folder, `${name}.tar.gz`);
    const layer = await writeLayer({
      from: { folder: this.folder },
      to: file,
      exclude: (path) => path !== name,
    });
    const sources = [...below, { layer, file }];
    return {
      image: assembleImage(
        sources.map((one) => one.layer),
        { cmd: ['/bin/true'] },
      ),
      sources,
    };
  }

  /** Pushes an image as a build does, and writes its version; `daysAgo` dates it. */
  async newVersion(app: AppRecord, number: number, daysAgo = 0): Promise<{ id: string; image: Image }> {
    const { image, sources } = await this.newImage();
    const repository = `${app.teamName}/${app.name}`;
    const client = this.client('chaos');
    await pushImage(client, { repository, tag: String(number) }, image, sources);
    await signImage(client, { repository, digest: image.digest }, this.keys);
    const buildId = newId('local', 'build');
    await this.db.build.create({ data: { id: buildId, appId: app.id, number, status: 'SUCCEEDED' } });
    const id = newId('local', 'version');
    await this.db.version.create({
      data: {
        id,
        appId: app.id,
        buildId,
        number,
        image: `${repository}@${image.digest}`,
        sizeBytes: BigInt(image.sizeBytes),
        createdAt: new Date(Date.now() - daysAgo * 86_400_000),
      },
    });
    return { id, image };
  }
}
