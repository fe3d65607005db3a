import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { glob, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { isKeptDisk } from '../../controllers/chaos/testkit/mounts.ts';
import { deployed, removed, removedByName } from '../testkit/apps.ts';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import type { Installation } from '../testkit/installation.ts';
import type { World } from '../testkit/journey-setup.ts';
import { type Load, startLoad } from '../testkit/load.ts';
import { randomOf } from '../testkit/random.ts';
import { finish, loginAsOwner, untilAnswers, untilReachable } from '../testkit/session.ts';

export interface KillOptions {
  readonly kills: number;
  /** The same seed kills the same parts after the same waits. */
  readonly seed: number;
  /** Told of each kill. */
  readonly onKill?: (text: string) => void;
}

export interface KillReport {
  /** How often each part was killed. */
  readonly killed: Readonly<Record<string, number>>;
  /** Final states of all operations that were begun, and why those ended that did not succeed. */
  readonly ended: Readonly<Record<string, number>>;
  readonly reasons: readonly string[];
  /** Each a sentence: what was damaged, left behind or never ended. Empty is what is wanted. */
  readonly damage: readonly string[];
  readonly requests: number;
  readonly failedRequests: readonly string[];
  readonly seconds: number;
}

/** Parts and how often they are chosen: the builder with its data centre most of all. */
const victims = [
  ...Array<string>(9).fill('datacenter'),
  ...Array<string>(4).fill('cluster'),
  ...Array<string>(3).fill('docker-registry'),
  ...Array<string>(2).fill('etcd'),
  ...Array<string>(2).fill('console'),
];
const nodeProcesses = new Set(['datacenter', 'cluster', 'console']);
const names = ['killed-a', 'killed-b'];
const endWithinMs = 300_000;

/** Kills parts of an installation at random moments while apps are built and rolled out, then looks for damage. */
export async function killAtRandom(
  installation: Installation,
  world: World,
  { kills, seed, onKill = () => undefined }: KillOptions,
): Promise<KillReport> {
  const began = Date.now();
  const random = randomOf(seed);
  const git = await startGitServer();
  const skyarc = await loginAsOwner(world);
  const stopping = new AbortController();
  let load: Load | undefined;
  try {
    await removedByName(skyarc, world, ...names, ...names.map((name) => `${name}-new`));
    const apps: KilledApp[] = [];
    for (const name of names) apps.push(await KilledApp.create(skyarc, world, { git, name }));
    load = startLoad({ gateway: world.gatewayUrl, host: (apps[0] as KilledApp).host, perSecond: 20 });
    const using = Promise.all(apps.map((app) => app.deployUntil(stopping.signal)));
    // Whoever cannot go on is heard of below.
    using.catch(() => undefined);
    const killed: Record<string, number> = {};
    for (let count = 1; count <= kills; count += 1) {
      await sleep(random() * 4_000);
      const victim = victims[Math.floor(random() * victims.length)] as string;
      // Now and then the next one dies before the last one is back.
      if (random() < 0.7) await untilReachable(skyarc);
      const pids = nodeProcesses.has(victim)
        ? await installation.nodePids(victim)
        : await installation.enginePids(victim);
      await installation.kill(pids);
      killed[victim] = (killed[victim] ?? 0) + 1;
      onKill(`${count}/${kills} ${victim}${pids.length === 0 ? ' (it was gone already)' : ''}`);
    }
    stopping.abort();
    await untilReachable(skyarc);
    const ended = (await using).flat();
    const damage = ended.flatMap(({ problem }) => (problem ? [problem] : []));
    for (const app of apps) damage.push(...(await app.findDamage()));
    damage.push(...(await findDamage(installation)));
    const { sent, failures } = await load.stop();
    load = undefined;
    await removed(skyarc, ...apps.map(({ id }) => id));
    const states = Map.groupBy(ended, ({ status }) => status);
    return {
      killed,
      ended: Object.fromEntries([...states].map(([status, all]) => [status, all.length])),
      reasons: ended.flatMap(({ status, message }) =>
        status === 'SUCCEEDED' ? [] : [`${status}: ${message}`],
      ),
      damage,
      requests: sent,
      failedRequests: failures,
      seconds: Math.round((Date.now() - began) / 1000),
    };
  } finally {
    stopping.abort();
    await load?.stop();
    await skyarc.dispose();
    await git.stop();
  }
}

interface Ended {
  readonly status: string;
  readonly message: string;
  /** Set when it did not end at all, or ended without a word. */
  readonly problem?: string;
}

/** An app that somebody changes and deploys without pause. */
class KilledApp {
  readonly id: string;
  readonly host: string;
  private readonly name: string;
  private readonly skyarc: SkyarcClient;
  private readonly world: World;
  private readonly repository: GitRepository;
  private version = 0;

  private constructor(
    id: string,
    name: string,
    place: { skyarc: SkyarcClient; world: World; repository: GitRepository },
  ) {
    this.id = id;
    this.name = name;
    this.skyarc = place.skyarc;
    this.world = place.world;
    this.repository = place.repository;
    this.host = `8080.${name}.${place.world.team}.${place.world.domain}`;
  }

  static async create(
    skyarc: SkyarcClient,
    world: World,
    { git, name }: { git: GitServer; name: string },
  ): Promise<KilledApp> {
    const repository = await git.create(name, filesOf(0));
    const id = await deployed(skyarc, world, { name, source: repository.url });
    return new KilledApp(id, name, { skyarc, world, repository });
  }

  /** Deploys one version after the other, as a person would who tries again when the platform is away. */
  async deployUntil(signal: AbortSignal): Promise<Ended[]> {
    const ended: Ended[] = [];
    while (!signal.aborted) ended.push(await this.deployOnce());
    return ended;
  }

  private async deployOnce(): Promise<Ended> {
    this.version += 1;
    await this.repository.push(`Version ${this.version}`, filesOf(this.version));
    const operationId = await this.begin();
    const end = await pollUntil(
      async () => {
        const operation = await this.skyarc.operations.get(operationId).catch(() => null);
        return operation && ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(operation.status)
          ? operation
          : undefined;
      },
      { timeoutMs: endWithinMs, everyMs: 300, onTimeout: () => new Error('still going on') },
    ).catch((error: unknown) => ({ status: 'ENDLESS', message: messageOf(error) }));
    const { status, message } = end;
    const what = `operation ${operationId} of ${this.name}`;
    if (status === 'ENDLESS') return { status, message: message ?? '', problem: `${what} never ended` };
    if (status !== 'SUCCEEDED' && !message)
      return { status, message: '', problem: `${what} ended without a word` };
    return { status, message: message ?? '' };
  }

  /** Answers may get lost with the process that gives them: an operation that goes on already is this one. */
  private begin(): Promise<string> {
    return pollUntil(
      async () => {
        const begun = await this.skyarc.apps.deploy(this.id).catch(() => null);
        if (begun) return begun.id;
        const app = await this.skyarc.apps.get(this.id).catch(() => null);
        return app?.activeOperation?.id;
      },
      { timeoutMs: endWithinMs, everyMs: 300, onTimeout: () => new Error(`${this.name} cannot be deployed`) },
    );
  }

  /** What its caches make now must be what a new app without any makes of the same source, and must run. */
  async findDamage(): Promise<string[]> {
    const { skyarc, world, name } = this;
    this.version += 1;
    await this.repository.push('Last version', filesOf(this.version));
    await finish(skyarc, (await skyarc.apps.deploy(this.id)).id);
    await untilAnswers(world, this.host, `v${this.version}`);
    const otherId = await deployed(skyarc, world, { name: `${name}-new`, source: this.repository.url });
    const [kept, made] = await Promise.all(
      [this.id, otherId].map(async (id) => (await skyarc.apps.versions(id, 1))[0]?.image.split('@')[1]),
    );
    await removed(skyarc, otherId);
    const lost = (await skyarc.apps.versions(this.id)).filter(
      ({ image }) => !/@sha256:[0-9a-f]{64}$/.test(image),
    );
    return [
      ...(kept === made ? [] : [`the caches of ${name} make ${kept}, an empty one ${made}`]),
      ...lost.map(({ number }) => `version ${number} of ${name} has no image`),
    ];
  }
}

/** With one package, so that caches of packages are at work, too. */
function filesOf(version: number): Record<string, string> {
  const about = { name: 'killed', version: '1.0.0' };
  const dependencies = { ms: '2.1.3' };
  return nodeApp(`v${version}`, {
    'package.json': JSON.stringify({ ...about, scripts: { start: 'node server.js' }, dependencies }),
    'package-lock.json': JSON.stringify({
      ...about,
      lockfileVersion: 3,
      requires: true,
      packages: { '': { ...about, dependencies }, 'node_modules/ms': { version: '2.1.3', license: 'MIT' } },
    }),
  });
}

/** Blobs that are not what they are called, disks of builds with errors, and what nobody owns any more. */
async function findDamage({ home, env }: Installation): Promise<string[]> {
  const damage: string[] = [];
  const store = join(home, 'hub/store');
  for await (const file of glob('**/blobs/sha256/*/*/data', { cwd: store })) {
    const name = file.split('/').at(-2) ?? '';
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(store, file)), hash);
    if (hash.digest('hex') !== name) damage.push(`blob sha256:${name} is not what it is called`);
  }
  const builder = `${env['SKYARC_INSTANCE']}-chaos-`;
  const table = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  const mounts = table.filter((place) => place.startsWith(`/run/${builder}`));
  // What stays mounted for the next build is in the kernel's memory, too: its disk is whole without it.
  for (const place of mounts.filter(isKeptDisk)) await run('umount', ['--', place]);
  for await (const file of glob('chaos*/disks/*/*.ext4', { cwd: home })) {
    const { code, stdout } = await run('e2fsck', ['-f', '-n', '--', join(home, file)]);
    if (code !== 0) damage.push(`${file} has errors: ${stdout.trim().split('\n').at(-1)}`);
  }
  for (const name of await readdir('/run/netns').catch(() => []))
    if (name.startsWith(builder)) damage.push(`network ${name} of a build is left`);
  for (const place of mounts.filter((one) => !isKeptDisk(one)))
    damage.push(`mount ${place} of a build is left`);
  return damage;
}
