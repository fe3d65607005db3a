import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, cp, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { AppError } from '@skyarc/lib/errors';
import { replaceFile } from '@skyarc/lib/files';
import { Daemon, run } from '@skyarc/lib/process';
import type { GatewaySettings } from '../config.ts';
import { filesOf, renderNginxConf } from '../render/nginx-conf.ts';
import type { Table } from '../render/table.ts';
import { NginxAdmin } from './admin-client.ts';
import { L4Files } from './l4-files.ts';
import { endOrphanedWorkers } from './orphans.ts';

const luaSource = join(import.meta.dirname, 'lua');

/** nginx as a daemon that outlives us, with its configuration, Lua and last state in one folder. */
export class NginxEngine {
  readonly admin: NginxAdmin;
  readonly l4: L4Files;
  private readonly config: GatewaySettings;
  private readonly files: ReturnType<typeof filesOf>;
  private readonly daemon: Daemon;
  private life = '';

  constructor(config: GatewaySettings) {
    this.config = config;
    this.files = filesOf(config.dataDir);
    this.admin = new NginxAdmin(this.files.socket);
    this.l4 = new L4Files(this.files.l4);
    this.daemon = new Daemon({
      name: `${config.instance}-gateway`,
      folder: config.dataDir,
      command: config.nginxCommand,
      args: ['-p', config.dataDir, '-c', this.files.conf, '-e', this.files.errorLog],
      ready: async () => Boolean(await this.admin.state()),
    });
  }

  /** Running with the present configuration: started, adopted as it is, or adopted and reloaded. */
  async ensure(signal?: AbortSignal): Promise<{ adopted: boolean; reloaded: boolean; closedTo?: string }> {
    const isRunning = (await this.daemon.findPid()) !== null;
    this.life = await this.lifeOf(isRunning);
    const changed = await this.writeFiles();
    if (isRunning && changed) await this.check();
    if (!isRunning) {
      await endOrphanedWorkers(this.files.errorLog);
      await rm(this.files.socket, { force: true });
    }
    const { adopted } = await this.daemon.ensure(signal);
    if (adopted && changed) await this.daemon.signal('SIGHUP');
    return { adopted, reloaded: adopted && changed, closedTo: await this.findClosedFolder() };
  }

  async isRunning(): Promise<boolean> {
    return (await this.daemon.findPid()) !== null;
  }

  /** Puts files that somebody changed right again, and nginx with them; true when it had to. */
  async repair(): Promise<boolean> {
    const [wanted, found] = await Promise.all([
      fingerprint(luaSource, this.wantedConf()),
      fingerprint(this.files.lua, await readFile(this.files.conf, 'utf8').catch(() => '')),
    ]);
    if (wanted === found) return false;
    await this.writeFiles();
    await this.check();
    await this.daemon.signal('SIGHUP');
    return true;
  }

  /** Keeps the table, as `key value` lines, for an nginx that starts before the cluster answers. */
  async keep(table: Table): Promise<void> {
    const file = await open(`${this.files.state}.new`, 'w', 0o600);
    try {
      let lines = '';
      for (const [key, value] of table) {
        // Ports have files of their own.
        if (key.startsWith('l4:')) continue;
        lines += `${key} ${value}\n`;
        // In parts, so that a change that comes meanwhile need not wait for all.
        if (lines.length < 64 * 1024) continue;
        await file.write(lines);
        lines = '';
      }
      await file.write(lines);
    } finally {
      await file.close();
    }
    await rename(`${this.files.state}.new`, this.files.state);
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
    const { lua, private: secret, conf } = this.files;
    await this.makeFolders();
    const authority = await CertificateAuthority.ensure(secret, `${this.config.instance} gateway default`);
    await authority.ensureLeaf(secret, 'default', {
      commonName: this.config.defaultCertificateNames[0] ?? 'localhost',
      names: this.config.defaultCertificateNames,
      usage: 'server',
    });
    if (this.config.l4Ports) await this.requireStreamScripts();
    const found = async () =>
      fingerprint(this.files.lua, await readFile(this.files.conf, 'utf8').catch(() => ''));
    const before = await found();
    await cp(luaSource, lua, { recursive: true });
    await replaceFile(conf, this.wantedConf());
    return before !== (await found());
  }

  private wantedConf(): string {
    return renderNginxConf(this.config, { asRoot: process.getuid?.() === 0, life: this.life });
  }

  /** Nginx's workers may enter all but one. */
  private async makeFolders(): Promise<void> {
    const { lua, l4, logs, temp, private: secret } = this.files;
    for (const folder of [this.config.dataDir, lua, l4, logs, temp])
      await mkdir(folder, { recursive: true, mode: 0o711 });
    await mkdir(secret, { recursive: true, mode: 0o700 });
    await chmod(secret, 0o700);
  }

  /** Nginx numbers its connections from its start, across reloads. */
  private async lifeOf(isRunning: boolean): Promise<string> {
    const kept = isRunning && (await readFile(this.files.life, 'utf8').catch(() => ''));
    if (kept && /^[0-9a-f]{12}$/.test(kept)) return kept;
    const life = randomBytes(6).toString('hex');
    await this.makeFolders();
    await replaceFile(this.files.life, life);
    return life;
  }

  /** A folder on the way to ours that the workers' user cannot enter: buffered bodies, passwords and L4 need it. */
  private async findClosedFolder(): Promise<string | undefined> {
    if (process.getuid?.() !== 0) return undefined;
    for (let folder = dirname(this.config.dataDir); folder !== '/'; folder = dirname(folder)) {
      if (((await stat(folder)).mode & constants.S_IXOTH) === 0) return folder;
    }
    return undefined;
  }

  private async requireStreamScripts(): Promise<void> {
    const module = join(this.config.modulesDir, 'ngx_stream_js_module.so');
    await access(module, constants.R_OK).catch(() => {
      throw new AppError(
        'UNAVAILABLE',
        `Cannot serve L4 ports: ${module} is missing; install the package libnginx-mod-stream-js or leave l4Ports out`,
      );
    });
  }

  private async check(): Promise<void> {
    const args = ['-t', '-q', '-p', this.config.dataDir, '-c', this.files.conf, '-e', this.files.errorLog];
    const { code, stderr } = await run(this.config.nginxCommand, args, { timeoutMs: 20_000 });
    if (code !== 0)
      throw new AppError('INVALID', `nginx refuses the gateway's configuration: ${stderr.trim()}`);
  }
}

/** Of a configuration and of the scripts in a folder. */
async function fingerprint(folder: string, conf: string): Promise<string> {
  const hash = createHash('sha256').update(conf);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.toSorted((left, right) => (left < right ? -1 : 1)))
    hash.update(`\0${name}\0`).update(await readFile(join(folder, name)).catch(() => ''));
  return hash.digest('hex');
}
