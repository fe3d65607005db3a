import { join } from 'node:path';
import { type EtcdConfig, type RunningEtcd, startEtcd } from '@skyarc/lib/etcd';
import { retry } from '@skyarc/lib/retry';

export interface EtcdClusterOptions {
  /** Of their data, pid and log files; whoever gave it removes it. */
  readonly folder: string;
  readonly members: 1 | 3;
  /** Clients' port of the first member, the others follow; those between members are ten further on. */
  readonly basePort: number;
  readonly quotaBytes?: number;
}

/** An etcd of one or three members, each of which can be killed, stopped and started again. */
export class EtcdCluster {
  readonly members: RunningEtcd[] = [];
  private readonly configs: readonly EtcdConfig[];

  private constructor(configs: readonly EtcdConfig[]) {
    this.configs = configs;
  }

  static async start({ folder, members, basePort, quotaBytes }: EtcdClusterOptions): Promise<EtcdCluster> {
    const names = Array.from({ length: members }, (_, index) => `etcd-${basePort}-${index}`);
    const initialCluster = names
      .map((name, index) => `${name}=http://127.0.0.1:${basePort + 10 + index}`)
      .join(',');
    const cluster = new EtcdCluster(
      names.map((name, index) => ({
        name,
        dataDir: join(folder, name),
        runDir: folder,
        clientPort: basePort + index,
        peerPort: basePort + 10 + index,
        initialCluster,
        ...(quotaBytes === undefined ? {} : { quotaBytes }),
      })),
    );
    cluster.members.push(...(await Promise.all(cluster.configs.map((config) => startEtcd(config)))));
    return cluster;
  }

  /** Of each member. */
  get ports(): readonly number[] {
    return this.configs.map(({ clientPort }) => clientPort);
  }

  /** Of all members, as clients of etcd want them. */
  get url(): string {
    return this.ports.map(urlOf).join(',');
  }

  /** The member that leads, by what each says of itself; 0 when none does. */
  async leader(): Promise<number> {
    const states = await Promise.all(
      this.ports
        .map(async (port) => {
          const answer = await fetch(`${urlOf(port)}/metrics`, { signal: AbortSignal.timeout(500) });
          return /^etcd_server_is_leader 1$/m.test(await answer.text());
        })
        .map((state) => state.catch(() => false)),
    );
    return Math.max(0, states.indexOf(true));
  }

  async kill(index: number): Promise<void> {
    await this.members[index]?.daemon.signal('SIGKILL');
  }

  /** Starts a member that is gone; one that runs goes on. */
  async restart(index: number): Promise<void> {
    const config = this.configs[index];
    // The ports of one that was just killed may be taken for a moment.
    if (config) this.members[index] = await retry(() => startEtcd(config), { attempts: 8 });
  }

  /** Ends all members at once, whatever they do. */
  async stop(): Promise<void> {
    for (const { daemon } of this.members) {
      await daemon.signal('SIGKILL');
      await daemon.stop();
    }
  }
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}
