import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { Daemon } from '@skyarc/lib/process';
import type { MonitorSettings } from '../config.ts';
import { writeIfChanged } from '../prometheus/files.ts';

/** Alertmanager: groups, deduplicates, silences. It outlives the monitor and is adopted by the next. */
export class AlertmanagerInstance {
  readonly url: string;
  readonly daemon: Daemon;
  private readonly folder: string;

  constructor({ dataDir, host, alertmanager }: MonitorSettings) {
    const { port, mesh, command } = alertmanager;
    this.folder = join(dataDir, 'alertmanager');
    this.url = `http://${host}:${port}`;
    this.daemon = new Daemon({
      name: 'alertmanager',
      folder: this.folder,
      command,
      args: [
        `--config.file=${join(this.folder, 'alertmanager.yml')}`,
        `--storage.path=${join(this.folder, 'data')}`,
        `--web.listen-address=${host}:${port}`,
        `--cluster.listen-address=${mesh ? `${host}:${mesh.port}` : ''}`,
        ...(mesh ? [`--cluster.advertise-address=${host}:${mesh.port}`] : []),
        ...(mesh?.peers ?? []).map((peer) => `--cluster.peer=${peer}`),
        // What it knows of silences and of what was told is written so often: kill -9 loses no more.
        '--data.maintenance-interval=30s',
        '--log.level=warn',
      ],
      env: { GOGC: '50' },
      ready: async () => (await fetch(`${this.url}/-/ready`, { signal: AbortSignal.timeout(1_000) })).ok,
      readyTimeoutMs: 30_000,
      followsArgs: true,
    });
  }

  /** Takes a configuration over; one that runs reads it anew. */
  async configure(content: string): Promise<boolean> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    if (!(await writeIfChanged(join(this.folder, 'alertmanager.yml'), content))) return false;
    await this.daemon.signal('SIGHUP');
    return true;
  }

  /** Its API, version 2 (silences, alerts). Throws what it answers, UNAVAILABLE when it does not. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.url}/api/v2${path}`, {
        method,
        signal: AbortSignal.timeout(10_000),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      text = await response.text();
    } catch (cause) {
      throw new AppError('UNAVAILABLE', 'Alertmanager does not answer', { cause });
    }
    if (response.ok) return text ? (JSON.parse(text) as unknown) : null;
    const code = response.status === 404 ? 'NOT_FOUND' : response.status < 500 ? 'INVALID' : 'UNAVAILABLE';
    throw new AppError(code, `Alertmanager refuses: ${text.trim().slice(0, 300)}`);
  }
}
