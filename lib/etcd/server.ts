import { parseConfig } from '@skyarc/lib/config';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { Daemon } from '@skyarc/lib/process';
import { z } from 'zod';

export const etcdConfigSchema = z.object({
  /** Names the member and its pid and log files. */
  name: z.string().default('skyarc-etcd'),
  dataDir: z.string(),
  /** Folder of the pid and log files. */
  runDir: z.string(),
  host: z.string().default('127.0.0.1'),
  clientPort: z.number().int().positive(),
  peerPort: z.number().int().positive(),
  /** All members of a new cluster, `name=peerUrl` with commas; this one alone by default. */
  initialCluster: z.string().optional(),
  command: z.string().default('etcd'),
  /** etcd refuses writes beyond this size of its file. */
  quotaBytes: z
    .number()
    .int()
    .positive()
    .default(4 * 1024 ** 3),
  /** History older than this is compacted; watches that resume later must list again. */
  historyMinutes: z.number().int().positive().default(10),
});
export type EtcdConfig = z.input<typeof etcdConfigSchema>;

export interface RunningEtcd extends RunningService {
  readonly pid: number;
  /** True when it ran already. */
  readonly adopted: boolean;
  readonly daemon: Daemon;
}

/**
 * An etcd, single by default, that outlives this process; a second start adopts it. `stop()` ends etcd itself.
 * Every write is synced to disk before it is acknowledged.
 */
export async function startEtcd(input: EtcdConfig, signal?: AbortSignal): Promise<RunningEtcd> {
  const daemon = etcdDaemonOf(input);
  const { pid, adopted } = await daemon.ensure(signal);
  return { url: urlsOf(input).client, pid, adopted, daemon, stop: () => daemon.stop() };
}

/** The etcd of the configuration, running or not. */
export function etcdDaemonOf(input: EtcdConfig): Daemon {
  const config = parseConfig('etcd', etcdConfigSchema, input);
  const { client: url, peer: peerUrl } = urlsOf(input);
  return new Daemon({
    name: config.name,
    folder: config.runDir,
    command: config.command,
    args: [
      `--name=${config.name}`,
      `--data-dir=${config.dataDir}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=${config.initialCluster ?? `${config.name}=${peerUrl}`}`,
      `--quota-backend-bytes=${config.quotaBytes}`,
      '--auto-compaction-mode=periodic',
      `--auto-compaction-retention=${config.historyMinutes}m`,
      // The default keeps 100000 raft entries in memory.
      '--snapshot-count=10000',
      '--logger=zap',
      '--log-level=warn',
    ],
    ready: async () => (await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) })).ok,
  });
}

function urlsOf({ host = '127.0.0.1', clientPort, peerPort }: EtcdConfig): { client: string; peer: string } {
  return { client: `http://${host}:${clientPort}`, peer: `http://${host}:${peerPort}` };
}
