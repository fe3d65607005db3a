import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { run, type RunResult } from '@skyarc/lib/process';
import { GrantSigner, makeGrantKeys } from '@skyarc/lib/signed-grant';
import { type RepoConfig, start } from '../main.ts';
import { FixtureUpstream } from './upstream.ts';

/** The service before an upstream of fixtures, and clients of teams. */
export class Rig {
  readonly upstream: FixtureUpstream;
  readonly folder: string;
  readonly config: RepoConfig;
  readonly url: string;
  private readonly signer: GrantSigner;
  private running: RunningService | undefined;

  private constructor(upstream: FixtureUpstream, folder: string, port: number) {
    const keys = makeGrantKeys();
    this.upstream = upstream;
    this.folder = folder;
    this.url = `http://127.0.0.1:${port}`;
    this.signer = new GrantSigner(keys.privateKey);
    const at = (format: string) => [`${upstream.url}/${format}/`];
    this.config = {
      port,
      statusPort: port + 1,
      dataDir: join(folder, 'repo'),
      grantKey: keys.publicKey,
      upstreams: {
        npm: at('npm'),
        pypi: [`${upstream.url}/pypi/simple/`],
        maven: at('maven'),
        go: at('go'),
        composer: at('composer'),
        rubygems: at('rubygems'),
        debian: at('debian'),
      },
      limits: { upstreamRestMs: 1, indexMaxAgeMs: 1 },
    };
  }

  /** The upstream takes `port`, the service the two after it. */
  static async open(port: number): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-repo-'));
    const rig = new Rig(await FixtureUpstream.start(port), folder, port + 1);
    await rig.start();
    return rig;
  }

  async start(change: Partial<RepoConfig> = {}): Promise<void> {
    this.running = await start({ ...this.config, ...change });
  }

  async stop(): Promise<void> {
    await this.running?.stop();
    this.running = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.upstream.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  token(team: string, mayPublish = false): string {
    return this.signer.sign({ use: 'repo', team, mayPublish, expiresAt: Date.now() + 600_000 } as never);
  }

  ask(path: string, options: { token?: string } & RequestInit = {}): Promise<Response> {
    const { token, ...init } = options;
    const headers = new Headers(init.headers);
    if (token) headers.set('authorization', `Bearer ${token}`);
    return fetch(`${this.url}${path}`, { redirect: 'manual', ...init, headers });
  }

  /** npm in a folder of its own, as somebody of a team or nobody. */
  async npm(args: readonly string[], options: { cwd: string; token?: string }): Promise<RunResult> {
    const { cwd, token } = options;
    const env: Record<string, string> = {
      PATH: process.env['PATH'] ?? '',
      HOME: cwd,
      npm_config_cache: join(cwd, '.npm-cache'),
      npm_config_userconfig: join(cwd, '.npmrc-user'),
      npm_config_registry: `${this.url}/npm/`,
      npm_config_fetch_retries: '0',
      npm_config_audit: 'false',
      ...(token ? { [`npm_config_${this.url.slice('http:'.length)}/npm/:_authToken`]: token } : {}),
    };
    return run('npm', args, { cwd, env, timeoutMs: 60_000 });
  }
}
