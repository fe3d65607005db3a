import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import { explain } from '../explain.ts';
import { runContainer } from './container.ts';
import { AppDisk, type CacheUse } from './disk.ts';
import type { KeptDisks } from './kept-disks.ts';
import { addressesOf, type NetworkOptions, type Reach, SandboxNetwork } from './network.ts';
import { mountOverlay, unmount } from './overlay.ts';
import { etcFilesOf, type Mount, nestedIds } from './spec.ts';

export interface RoomOptions {
  /** Unique on this machine; names the namespace and containers. */
  readonly id: string;
  /** Folder of mounts; made and removed. */
  readonly folder: string;
  readonly stateDir: string;
  readonly cgroup: string;
  readonly diskFile: string;
  readonly keptDisks: KeptDisks;
  readonly limits: {
    readonly cpuMillis: number;
    readonly memoryMb: number;
    readonly diskMb: number;
    readonly processes: number;
  };
  readonly network: Pick<NetworkOptions, 'allowPrivate' | 'repo'> & {
    /** Hosts that an open network reaches even at a private address. */
    readonly hosts: readonly string[];
  };
  /** Certificates that this machine trusts, for the build's programs too. */
  readonly caFile: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
  /** The newest lines, for the explanation of a failure. */
  readonly recent: () => readonly string[];
  readonly signal: AbortSignal;
}

export interface Command {
  /** What a person would call it; printed before it runs. */
  readonly label: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** As root of an own user namespace, for buildah. */
  readonly nested?: boolean;
  /** True: it runs nothing of the source's, and may reach public addresses where a build may not. */
  readonly isTrusted?: boolean;
}

/** Where one build happens: its disk, its network and a root to run commands in. */
export class BuildRoom {
  readonly disk: AppDisk;
  private readonly options: RoomOptions;
  private network: Promise<SandboxNetwork> | undefined;
  /** Hosts that commands may reach besides packages; null: every public address. */
  private closedTo: readonly string[] | null = null;
  /** What the network is bounded to now. */
  private bounds: readonly string[] | undefined;
  /** Looked up once: what a name means must not change between the filter and the file of hosts. */
  private readonly addresses = new Map<string, Promise<readonly string[]>>();
  private hasRoot = false;
  /** What the next command needs first: a build that runs none pays for neither. */
  private lowers: readonly string[] | null = null;
  private readonly owed = new Map<string, number>();
  private env: Readonly<Record<string, string>> = {};
  private readonly copies: string[] = [];
  private count = 0;

  private constructor(options: RoomOptions, disk: AppDisk) {
    this.options = options;
    this.disk = disk;
  }

  static async open(options: RoomOptions): Promise<BuildRoom> {
    await mkdir(options.folder, { recursive: true, mode: 0o711 });
    const disk = await AppDisk.open({
      file: options.diskFile,
      kept: options.keptDisks,
      mountPoint: join(options.folder, 'disk'),
      sizeMb: options.limits.diskMb,
    });
    return new BuildRoom(options, disk);
  }

  /** From the first command on, nothing is reached but packages of the data centre and these hosts. */
  closeNetwork(hosts: readonly string[]): void {
    this.closedTo = hosts;
  }

  /** Hosts to reach all the same where the network is closed. */
  alsoReach(hosts: readonly string[]): void {
    if (this.closedTo) this.closedTo = [...this.closedTo, ...hosts];
  }

  /** Whether nothing is reached but packages of the data centre and the source's host. */
  get isClosed(): boolean {
    return this.closedTo !== null;
  }

  get signal(): AbortSignal {
    return this.options.signal;
  }

  /** Root of the following commands, instead of an earlier one: read-only layers, the highest first, under one that is thrown away. */
  enter(lowers: readonly string[]): void {
    this.lowers = lowers;
  }

  /** Environment of all following commands, below what each one brings. */
  setEnv(env: Readonly<Record<string, string>>): void {
    this.env = env;
  }

  /** Gives a file or folder of the disk, with all that is in it then, to the user that the next command runs as. */
  own(folder: string, nested = false): void {
    this.owed.set(folder, nested ? nestedIds.first : buildUser);
  }

  /** A folder that stays on the disk from build to build; it and what commands leave there are their user's. */
  async cache(name: string, nested = false): Promise<string> {
    const folder = await this.disk.folder(join('cache', name));
    const id = nested ? nestedIds.first : buildUser;
    await chown(folder, id, id);
    return folder;
  }

  /** A folder of the disk as a command may change it, while itself it stays as it is: nothing is copied. */
  async copyOf(folder: string): Promise<string> {
    const name = `copy-${this.copies.length}`;
    const scratch = await this.disk.freshFolder(join('copies', name));
    const target = join(this.options.folder, name);
    const [upper, work] = [join(scratch, 'upper'), join(scratch, 'work')];
    await mountOverlay({ lowers: [folder], upper, work, target });
    this.copies.push(target);
    await chown(target, buildUser, buildUser);
    return target;
  }

  /** Runs a command; throws INVALID with an explanation when it fails, or what the signal was fired with. */
  async exec(command: Command): Promise<void> {
    const { id, stateDir, folder, cgroup, limits, caFile, env, onLine, recent, signal } = this.options;
    const [network] = await Promise.all([this.networkFor(command), this.makeReady()]);
    this.count += 1;
    onLine(`$ ${command.label}`);
    const trust: Mount[] = caFile ? [{ source: caFile, destination: caFile, readonly: true }] : [];
    const result = await runContainer({
      id: `${id}-${this.count}`,
      stateDir,
      bundle: join(folder, `bundle-${this.count}`),
      cgroup: `${cgroup}/${id}-${this.count}`,
      role: command.nested ? 'nested' : 'user',
      args: command.args,
      cwd: command.cwd ?? '/app',
      env: { ...baseEnv, ...env, ...this.env, ...command.env },
      rootfs: this.rootfs,
      mounts: [{ source: this.disk.path('tmp'), destination: '/tmp' }, ...trust, ...(command.mounts ?? [])],
      scratch: command.nested ? ['/run', '/var/cache'] : [],
      netns: network.path,
      ...limits,
      signal,
      onLine,
    });
    signal.throwIfAborted();
    if (result.code === 0) return;
    const last = recent().at(-1) ?? '';
    if (/^time="\S+" level=error msg="runc run failed/.test(last)) throw new AppError('INTERNAL', last);
    const isBuilderFull = await this.disk.isBuilderFull().catch(() => false);
    const { message, proof } = explain({
      label: command.label,
      lines: recent(),
      isBuilderFull,
      isClosed: this.isClosed && command.isTrusted !== true,
      ...result,
      ...limits,
    });
    throw new AppError('INVALID', message, { details: { proof } });
  }

  /** Frees all; the app's disk keeps its caches only. Answers what they take. */
  async close(): Promise<CacheUse> {
    const network = await this.network?.catch(() => undefined);
    await network?.close();
    if (this.hasRoot) await unmount(this.rootfs);
    for (const target of this.copies) await unmount(target);
    for (const name of ['root', 'tmp', 'workspace', 'layers', 'copies'])
      await this.disk.remove(name).catch(() => undefined);
    const use = await this.disk.use();
    await this.disk.close();
    await rm(this.options.folder, { recursive: true, force: true }).catch(() => undefined);
    return use;
  }

  private async networkFor({ isTrusted = false }: Command): Promise<SandboxNetwork> {
    const { id, network } = this.options;
    const closedTo = isTrusted ? null : this.closedTo;
    const hosts = closedTo ?? network.hosts;
    if (this.network !== undefined && this.bounds === hosts) return this.network;
    this.bounds = hosts;
    const addresses = (await Promise.all(hosts.map((host) => this.lookUp(host)))).flat();
    const { allowPrivate, repo } = network;
    const reach: Reach = { addresses, allowPrivate, isClosed: closedTo !== null };
    if (this.network === undefined) this.network = SandboxNetwork.open({ name: id, repo, ...reach });
    else await (await this.network).limit(reach);
    return this.network;
  }

  private lookUp(host: string): Promise<readonly string[]> {
    const known = this.addresses.get(host) ?? addressesOf(host);
    this.addresses.set(host, known);
    return known;
  }

  private async makeReady(): Promise<void> {
    await Promise.all([this.giveOwed(), this.mountRoot()]);
  }

  private async giveOwed(): Promise<void> {
    const owed = [...this.owed];
    this.owed.clear();
    await Promise.all(owed.map(([folder, id]) => run('chown', ['-R', '-h', '--', `${id}:${id}`, folder])));
  }

  private async mountRoot(): Promise<void> {
    const { lowers } = this;
    if (lowers === null) return;
    this.lowers = null;
    if (this.hasRoot) await unmount(this.rootfs);
    this.hasRoot = false;
    const root = await this.disk.freshFolder('root');
    await mountOverlay({
      lowers,
      upper: join(root, 'upper'),
      work: join(root, 'work'),
      target: this.rootfs,
    });
    this.hasRoot = true;
    // A nested root may not make places to mount on, so they are there before.
    for (const place of mountPlaces) await mkdir(join(this.rootfs, place), { recursive: true });
    const names = (this.closedTo ?? []).map(async (host) => [host, await this.lookUp(host)] as const);
    for (const [name, text] of Object.entries(etcFilesOf(await Promise.all(names))))
      await writeFile(join(this.rootfs, 'etc', name), text);
    await this.disk.freshFolder('tmp', 0o1777);
  }

  private get rootfs(): string {
    return join(this.options.folder, 'rootfs');
  }
}

/** As whom commands run. */
const buildUser = 1000;

const mountPlaces = ['app', 'cache', 'config', 'opt/venv', 'output', 'storage'];

const baseEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/home/app',
  LANG: 'C.UTF-8',
  TZ: 'Etc/UTC',
  CI: 'true',
} as const;
