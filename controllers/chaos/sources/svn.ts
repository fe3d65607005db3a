import { createHash } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uriHost } from '@skyarc/lib/address';
import { svnUrl } from '@skyarc/lib/contracts';
import { type EgressPolicy, pinHost } from '@skyarc/lib/egress';
import { AppError } from '@skyarc/lib/errors';
import { run, type RunResult } from '@skyarc/lib/process';
import { PinnedProxy } from './pinned-proxy.ts';
import { type Credentials, nobody } from './remote.ts';
import type { Fetched, Revision, Source } from './source.ts';
import { svnErrorOf } from './svn-errors.ts';

export interface SvnOptions {
  readonly url: string;
  /** Folder under the address: `trunk`, `branches/x`, `tags/x`, or empty. */
  readonly branch: string;
  /** Absent: the newest. */
  readonly revision?: number;
  readonly subdirectory?: string;
  readonly credentials?: Credentials;
  readonly policy: EgressPolicy;
  /** A folder of nobody's for one fetch. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** A folder of a Subversion repository, exported by the svn program as nobody; externals stay out. */
export class SvnSource implements Source {
  private readonly options: SvnOptions;

  constructor(options: SvnOptions) {
    this.options = options;
  }

  get description(): string {
    const { branch, revision, url } = this.options;
    return `${branch ? `"${branch}" of ` : ''}${url}${revision ? ` at revision ${revision}` : ''}`;
  }

  /** The revision that last changed the folder. Throws NOT_FOUND with the branches there are. */
  async identify(): Promise<Revision> {
    const { revision } = this.options;
    return this.withServer(async (server) => {
      const info = await server.tryRun(['info', '--xml'], revision);
      if (info.code !== 0) throw await this.withNeighbours(server, server.errorOf(info));
      const uuid = textOf(info.stdout, 'uuid');
      const path = textOf(info.stdout, 'relative-url');
      const [, last = ''] = /<commit\s+revision="(\d+)"/.exec(info.stdout) ?? [];
      const id = createHash('sha256').update(`${uuid} ${path} ${last}`).digest('hex');
      return { id, ref: last };
    });
  }

  async fetch(revision: Revision, folder: string): Promise<Fetched> {
    return this.withServer(async (server) => {
      await mkdir(folder, { recursive: true });
      await chown(folder, nobody.uid, nobody.gid);
      const at = Number(revision.ref);
      const log = await server.run(['log', '--xml', '--limit', '1'], at);
      await server.run(['export', '--quiet', '--force', '--ignore-externals'], at, folder);
      const time = Date.parse(textOf(log.stdout, 'date'));
      return {
        id: `r${revision.ref}`,
        author: textOf(log.stdout, 'author') || null,
        message: textOf(log.stdout, 'msg').trim().slice(0, 2_000) || null,
        timeSec: Number.isNaN(time) ? 0 : Math.floor(time / 1000),
      };
    });
  }

  private async withNeighbours(server: SvnServer, error: AppError): Promise<AppError> {
    const { branch, url } = this.options;
    if (error.code !== 'NOT_FOUND' || !branch) return error;
    const at = branch.lastIndexOf('/');
    const parent = branch.slice(0, Math.max(at, 0));
    const list = await server.tryRun(['list'], undefined, undefined, parent);
    const names = list.stdout.split('\n').filter((line) => line.endsWith('/'));
    // When it is there, it is the revision that is not.
    if (list.code !== 0 || names.length === 0 || names.includes(`${branch.slice(at + 1)}/`)) return error;
    const some = names.slice(0, 10).map((name) => `${parent ? `${parent}/` : ''}${name.slice(0, -1)}`);
    return new AppError(
      'NOT_FOUND',
      `Cannot fetch ${url}: it has no folder "${branch}"; it has ${some.join(', ')}`,
    );
  }

  private async withServer<T>(work: (server: SvnServer) => Promise<T>): Promise<T> {
    const server = await SvnServer.open(this.options);
    try {
      return await work(server);
    } finally {
      await server.close();
    }
  }
}

/** A server whose address was checked, as svn is told of it. */
class SvnServer {
  private readonly options: SvnOptions;
  private readonly base: string;
  private readonly proxy: PinnedProxy | undefined;

  private constructor(options: SvnOptions, base: string, proxy: PinnedProxy | undefined) {
    this.options = options;
    this.base = base;
    this.proxy = proxy;
  }

  /** Throws INVALID for an address that is none, NOT_FOUND or FORBIDDEN for its host. */
  static async open(options: SvnOptions): Promise<SvnServer> {
    const checked = svnUrl.safeParse(options.url);
    if (!checked.success) {
      const shown = options.url.slice(0, 200);
      throw new AppError('INVALID', `Cannot fetch from "${shown}": ${checked.error.issues[0]?.message}`);
    }
    const url = new URL(options.url);
    const { host, address } = await pinHost(url.hostname, options.policy);
    const isDirect = url.protocol === 'svn:';
    // svnserve knows no names of hosts: the address itself will do. Others are led there by a proxy.
    if (isDirect) url.hostname = uriHost(address);
    const port = Number(url.port) || { 'http:': 80, 'https:': 443 }[url.protocol] || 3690;
    const proxy = isDirect ? undefined : new PinnedProxy({ host, port, address });
    await writeSettings(options.folder, await proxy?.start());
    return new SvnServer(options, url.href.replace(/\/+$/, ''), proxy);
  }

  async close(): Promise<void> {
    await this.proxy?.stop();
  }

  async run(args: readonly string[], revision: number | undefined, target?: string): Promise<RunResult> {
    const result = await this.tryRun(args, revision, target);
    if (result.code === 0) return result;
    throw this.errorOf(result);
  }

  /** Runs svn on the folder at a revision; `under` is another folder of the repository. */
  async tryRun(
    args: readonly string[],
    revision: number | undefined,
    target?: string,
    under = [this.options.branch, this.options.subdirectory].filter(Boolean).join('/'),
  ): Promise<RunResult> {
    const { credentials, folder, signal } = this.options;
    const drop = [`--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, '--clear-groups', '--no-new-privs'];
    const path = under.split('/').filter(Boolean).map(encodeURIComponent);
    const place = `${[this.base, ...path].join('/')}@${revision ?? 'HEAD'}`;
    const login = credentials ? [`--username=${credentials.username}`, '--password-from-stdin'] : [];
    const quiet = ['--non-interactive', '--no-auth-cache', `--config-dir=${join(folder, 'svn')}`];
    const operands = target === undefined ? [place] : [place, target];
    try {
      return await run('setpriv', [...drop, '--', 'svn', ...args, ...quiet, ...login, '--', ...operands], {
        cwd: folder,
        env: environmentOf(folder),
        input: credentials?.password,
        signal,
      });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }

  errorOf({ stderr }: RunResult): AppError {
    const { url, credentials } = this.options;
    const redirect = this.proxy?.refused;
    return svnErrorOf({ url, stderr, redirect, hasCredentials: credentials !== undefined });
  }
}

function environmentOf(folder: string): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: folder,
    // Names of files are UTF-8; the words of errors are still English.
    LC_ALL: 'C.UTF-8',
  };
}

/** Run-time configuration of Subversion: nothing of this machine's, and one way out. */
async function writeSettings(folder: string, proxyPort: number | undefined): Promise<void> {
  const place = join(folder, 'svn');
  await mkdir(place, { recursive: true });
  const proxy =
    proxyPort === undefined ? [] : ['http-proxy-host = 127.0.0.1', `http-proxy-port = ${proxyPort}`];
  const servers = ['[global]', 'http-timeout = 60', 'ssl-trust-default-ca = yes', ...proxy, ''];
  const config = ['[auth]', 'password-stores =', 'store-passwords = no', '[tunnels]', 'ssh = /bin/false', ''];
  await writeFile(join(place, 'servers'), servers.join('\n'));
  await writeFile(join(place, 'config'), config.join('\n'));
  await chown(place, nobody.uid, nobody.gid);
}

/** Text of the first element of a name in what svn writes as XML. */
function textOf(xml: string, name: string): string {
  const [, text = ''] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, entity) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(String(hex), 16));
    return entities[String(entity)] ?? whole;
  });
}
