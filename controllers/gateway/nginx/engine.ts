import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { AppError } from '@skyarc/lib/errors';
import { Daemon, run } from '@skyarc/lib/process';
import type { GatewaySettings } from '../config.ts';
import { filesOf, renderNginxConf } from '../render/nginx-conf.ts';
import { digestOf, type Table } from '../render/table.ts';
import { NginxAdmin } from './admin-client.ts';
import { endOrphanedWorkers } from './orphans.ts';

const luaSource = join(import.meta.dirname, 'lua');

/** nginx as a daemon that outlives us, with its configuration, Lua and last state in one folder. */
export class NginxEngine {
  readonly admin: NginxAdmin;
  private readonly config: GatewaySettings;
  private readonly files: ReturnType<typeof filesOf>;
  private readonly daemon: Daemon;

  constructor(config: GatewaySettings) {
    this.config = config;
    this.files = filesOf(config.dataDir);
    this.admin = new NginxAdmin(this.files.socket);
    this.daemon = new Daemon({
      name: `${config.instance}-gateway`,
      folder: config.dataDir,
      command: config.nginxCommand,
      args: ['-p', config.dataDir, '-c', this.files.conf, '-e', this.files.errorLog],
      ready: async () => Boolean(await this.admin.state()),
    });
  }

  /** Running with the present configuration: started, adopted as it is, or adopted and reloaded. */
  async ensure(signal?: AbortSignal): Promise<{ adopted: boolean; reloaded: boolean }> {
    const changed = await this.writeFiles();
    const isRunning = (await this.daemon.findPid()) !== null;
    if (isRunning && changed) await this.check();
    if (!isRunning) {
      await endOrphanedWorkers(this.files.errorLog);
      await rm(this.files.socket, { force: true });
    }
    const { adopted } = await this.daemon.ensure(signal);
    if (adopted && changed) await this.daemon.signal('SIGHUP');
    return { adopted, reloaded: adopted && changed };
  }

  async isRunning(): Promise<boolean> {
    return (await this.daemon.findPid()) !== null;
  }

  /** Keeps the table for an nginx that starts before the cluster answers. */
  async keep(table: Table): Promise<void> {
    await this.replace(
      this.files.state,
      JSON.stringify({ digest: digestOf(table), table: Object.fromEntries(table) }),
    );
  }

  /** Moves logs that grew beyond the limit aside and lets nginx open new ones. */
  async rotateLogs(): Promise<void> {
    let rotated = false;
    for (const file of [this.files.accessLog, this.files.errorLog]) {
      const size = await stat(file).then(
        (found) => found.size,
        () => 0,
      );
      if (size < this.config.maxLogBytes) continue;
      await rename(file, `${file}.1`);
      rotated = true;
    }
    if (rotated) await this.daemon.signal('SIGUSR1');
  }

  /** Ends nginx: requests that run have a grace time, then they are cut. */
  async stop(): Promise<void> {
    await this.daemon.stop();
    await rm(this.files.socket, { force: true });
  }

  /** True when the configuration or Lua differs from what was there. */
  private async writeFiles(): Promise<boolean> {
    const { lua, logs, temp, private: secret, conf } = this.files;
    for (const folder of [this.config.dataDir, lua, logs, temp])
      await mkdir(folder, { recursive: true, mode: 0o711 });
    await mkdir(secret, { recursive: true, mode: 0o700 });
    await chmod(secret, 0o700);
    const authority = await CertificateAuthority.ensure(secret, `${this.config.instance} gateway default`);
    await authority.ensureLeaf(secret, 'default', {
      commonName: this.config.defaultCertificateNames[0] ?? 'localhost',
      names: this.config.defaultCertificateNames,
      usage: 'server',
    });
    const wanted = renderNginxConf(this.config, process.getuid?.() === 0);
    const before = await this.fingerprint();
    await cp(luaSource, lua, { recursive: true });
    await this.replace(conf, wanted);
    return before !== (await this.fingerprint());
  }

  private async fingerprint(): Promise<string> {
    const hash = createHash('sha256');
    const names = await readdir(this.files.lua).catch(() => []);
    const files = [
      this.files.conf,
      ...names.toSorted((left, right) => left.localeCompare(right)).map((name) => join(this.files.lua, name)),
    ];
    for (const file of files) hash.update(await readFile(file).catch(() => ''));
    return hash.digest('hex');
  }

  private async check(): Promise<void> {
    const args = ['-t', '-q', '-p', this.config.dataDir, '-c', this.files.conf, '-e', this.files.errorLog];
    const { code, stderr } = await run(this.config.nginxCommand, args, { timeoutMs: 20_000 });
    if (code !== 0)
      throw new AppError('INVALID', `nginx refuses the gateway's configuration: ${stderr.trim()}`);
  }

  private async replace(file: string, text: string): Promise<void> {
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}
