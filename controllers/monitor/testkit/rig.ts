import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { setLogLevel } from '@skyarc/lib/log';
import { pollUntil } from '@skyarc/lib/retry';
import { ensureSecretBox, type SecretBox } from '@skyarc/lib/secretbox';
import { type DataCenterDatabase, openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { MonitorConfig } from '../config.ts';
import { type RunningMonitor, start, stopEngines } from '../main.ts';
import type { ProcessOptions } from './monitor-process.ts';

export const token = 'token-of-this-test';
const databaseName = 'datacenter.db';
const keyName = 'key';

/** A cluster's API, a database and monitors with engines of their own. */
export class MonitorRig {
  readonly folder: string;
  readonly cluster: TestCluster;
  readonly db: DataCenterDatabase;
  readonly secretBox: SecretBox;
  readonly port: number;
  private readonly configs = new Map<string, MonitorConfig>();
  private readonly running = new Map<string, RunningMonitor>();

  private constructor(parts: {
    folder: string;
    cluster: TestCluster;
    db: DataCenterDatabase;
    secretBox: SecretBox;
    port: number;
  }) {
    this.folder = parts.folder;
    this.cluster = parts.cluster;
    this.db = parts.db;
    this.secretBox = parts.secretBox;
    this.port = parts.port;
  }

  /** Uses ports from the given one on: five for the cluster, then twenty for each monitor. */
  static async open(instance: string, port: number): Promise<MonitorRig> {
    setLogLevel('error');
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-monitor-'));
    const cluster = await TestCluster.start({ instance, basePort: port, parts: 'api' });
    const db = await openDataCenterDatabase({ file: join(folder, databaseName) });
    const secretBox = await ensureSecretBox(join(folder, keyName));
    return new MonitorRig({ folder, cluster, db, secretBox, port });
  }

  configOf(index: number, changes: Changes = {}): MonitorConfig {
    const first = this.port + 5 + index * 15;
    return {
      instance: `monitor-${index}`,
      port: first,
      token,
      dataDir: join(this.folder, `monitor-${index}`),
      kubeconfig: this.cluster.kubeconfig,
      syncEveryMs: 500,
      keepFiringSec: 4,
      ...changes,
      prometheus: {
        port: first + 1,
        evaluatorPort: first + 7,
        scrapeIntervalSec: 1,
        evaluationIntervalSec: 1,
        memoryMb: 128,
        ...changes.prometheus,
      },
      alertmanager: {
        port: first + 8,
        groupWaitSec: 1,
        groupIntervalSec: 2,
        ...changes.alertmanager,
      },
    };
  }

  get databaseFile(): string {
    return join(this.folder, databaseName);
  }

  get keyFile(): string {
    return join(this.folder, keyName);
  }

  /** The configuration of a monitor whose engines are ended with the rig, whoever starts it. */
  prepare(index: number, changes: Changes = {}): MonitorConfig {
    const config = this.configOf(index, changes);
    this.configs.set(config.dataDir, config);
    return config;
  }

  async start(index: number, changes: Changes = {}): Promise<RunningMonitor> {
    const config = this.prepare(index, changes);
    const { db, secretBox } = this;
    const monitor = await start(config, { db, secretBox });
    this.running.set(config.dataDir, monitor);
    return monitor;
  }

  /** A monitor in a process of its own, to be killed by the test; resolves once it serves. */
  async fork(index: number, changes: Changes = {}): Promise<ChildProcess> {
    const { databaseFile, keyFile } = this;
    const options: ProcessOptions = { config: this.prepare(index, changes), databaseFile, keyFile };
    const child = fork(join(import.meta.dirname, 'monitor-process.ts'), [JSON.stringify(options)]);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('The monitor ended at its start'))),
    ]);
    return child;
  }

  /** Of an engine of a monitor: `shard-0`, `evaluator`, `alertmanager`. */
  async enginePid(index: number, name: string): Promise<number> {
    const { dataDir } = this.configOf(index);
    return Number((await readFile(join(dataDir, name, `${name}.pid`), 'utf8')).split(/\s/)[0]);
  }

  /** The answer's data; throws what a monitor says. */
  async get<T>(monitor: { readonly url: string }, path: string): Promise<T> {
    const response = await fetch(`${monitor.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    const body = (await response.json()) as T;
    if (!response.ok) throw new Error(JSON.stringify(body));
    return body;
  }

  async post(monitor: RunningMonitor, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${monitor.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  async close(): Promise<void> {
    for (const monitor of this.running.values()) await monitor.stop();
    for (const config of this.configs.values()) await stopEngines(config);
    await this.db.$disconnect();
    await this.cluster.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

type Changes = Partial<Omit<MonitorConfig, 'prometheus' | 'alertmanager'>> & {
  readonly prometheus?: Partial<MonitorConfig['prometheus']>;
  readonly alertmanager?: Partial<MonitorConfig['alertmanager']>;
};

/** The first answer that is something, within a minute. */
export function eventually<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  return pollUntil(async () => (await probe().catch(() => undefined)) || undefined, {
    timeoutMs: 60_000,
    everyMs: 200,
    onTimeout: () => new Error('It did not become true within a minute'),
  });
}
