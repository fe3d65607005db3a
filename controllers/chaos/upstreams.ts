import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { clientDefaults } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import { findMavenMirror } from './base/maven-settings.ts';
import { repoAddress } from './sandbox/network.ts';

const handedOn = `http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY
  npm_config_registry PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST
  GOPROXY GOSUMDB GONOSUMDB GOPRIVATE SKYARC_MAVEN_URL SKYARC_GRADLE_URL`.split(/\s+/);

/** The part of a process's environment that package clients of builds need; never anything else. */
export function clientEnvironmentOf(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    handedOn.flatMap((name) => (env[name] ? [[name, withoutCredentials(env[name])]] : [])),
  );
}

/** Where builds get packages from, as this machine's own clients are configured, without its credentials. */
export interface Upstreams {
  /** For package clients on this machine itself. */
  readonly env: Readonly<Record<string, string>>;
  /** For package clients in a sandbox. */
  readonly buildEnv: Readonly<Record<string, string>>;
  /** Hosts that lock files of Yarn 1 name, which it asks whatever registry is set. */
  readonly yarnHosts: readonly string[];
  /** The service that all of these get their packages from, or null: each from its own registry. */
  readonly repoUrl: string | null;
  /** Bundle of trusted certificates of this machine, or null. */
  readonly caFile: string | null;
  /** Hosts that builds must reach even when their address is private. */
  readonly hosts: readonly string[];
}

/** Asked whatever else is configured, for checksums and for what is not installed. */
const unconfigured = [clientDefaults.maven, clientDefaults.go, clientDefaults.goSums];
const caBundle = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Asks npm, pip, Go and Maven of this machine; what is not installed or not configured keeps the client's default.
 * With an address of repo, all of them are sent there.
 */
export async function discoverUpstreams(
  clientEnv: Readonly<Record<string, string>>,
  repoUrl: string | null,
): Promise<Upstreams> {
  const caFile = await access(caBundle).then(
    () => caBundle,
    () => null,
  );
  const registry = clientEnv['npm_config_registry'] ?? (await ask('npm', ['config', 'get', 'registry']));
  const index = clientEnv['PIP_INDEX_URL'] ?? (await ask('pip', ['config', 'get', 'global.index-url']));
  const env: Record<string, string> = { ...clientEnv };
  if (registry) env['npm_config_registry'] = withoutCredentials(registry);
  if (index) env['PIP_INDEX_URL'] = withoutCredentials(index);
  const goProxy = clientEnv['GOPROXY'] ?? (await goProxyOf());
  const maven = clientEnv['SKYARC_MAVEN_URL'] ?? (await findMavenMirror());
  if (goProxy) env['GOPROXY'] = goProxy.split(',').map(withoutCredentials).join(',');
  if (maven) env['SKYARC_MAVEN_URL'] = withoutCredentials(maven);
  if (caFile) Object.assign(env, trustOf(caFile));
  const targets = await run('apt-get', ['indextargets', '--format', '$(SITE)']).catch(() => null);
  const sites = (targets?.stdout ?? '').split('\n').filter(Boolean);
  const named = Object.values(env).flatMap((value) => value.split(/[,|]/));
  const urls = [...named, ...unconfigured, ...sites];
  const hosts = urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname] : []));
  const yarnHosts = [
    new URL(clientDefaults.yarn).hostname,
    ...(registry ? [new URL(registry).hostname] : []),
  ];
  const common = { caFile, repoUrl, yarnHosts, hosts: [...new Set(hosts.filter(Boolean))] };
  if (repoUrl === null) return { ...common, env, buildEnv: env };
  const { host, port } = repoAddress;
  return {
    ...common,
    env: { ...env, ...clientsOf(repoUrl, env) },
    buildEnv: { ...env, ...clientsOf(`http://${host}:${port}`, env) },
  };
}

/** Settings of package clients that make one service of ours serve them all; see controllers/repo. */
function clientsOf(base: string, env: Readonly<Record<string, string>>): Record<string, string> {
  const { host, hostname } = new URL(base);
  const noProxy = [env['no_proxy'] ?? env['NO_PROXY'], hostname].filter(Boolean).join(',');
  return {
    npm_config_registry: `${base}/npm/`,
    // Of the addresses in a lock file, whatever registry it was made with.
    npm_config_replace_registry_host: 'always',
    // What cannot be had is said at once, not after a minute of trying.
    npm_config_fetch_retries: '1',
    npm_config_fetch_retry_mintimeout: '1000',
    npm_config_fetch_retry_maxtimeout: '2000',
    PIP_INDEX_URL: `${base}/pypi/simple/`,
    PIP_EXTRA_INDEX_URL: '',
    PIP_TRUSTED_HOST: host,
    UV_DEFAULT_INDEX: `${base}/pypi/simple/`,
    UV_INSECURE_HOST: host,
    GOPROXY: `${base}/go,direct`,
    SKYARC_MAVEN_URL: `${base}/maven/`,
    SKYARC_COMPOSER_URL: `${base}/composer`,
    'BUNDLE_MIRROR__HTTPS://RUBYGEMS__ORG/': `${base}/rubygems/`,
    no_proxy: noProxy,
    NO_PROXY: noProxy,
  };
}

/** For package clients of an image that is not ours: all that repo serves, Debian's packages by it as a proxy. */
export function clientsOfRepo(): {
  readonly settings: Readonly<Record<string, string>>;
  readonly proxy: Readonly<Record<string, string>>;
} {
  const base = `http://${repoAddress.host}:${repoAddress.port}`;
  const all = Object.entries({ ...clientsOf(base, {}), BUNDLE_MIRROR__ALL: `${base}/rubygems/` });
  const settings = all.filter(([name]) => /^\w+$/.test(name) && !/^(?:no_proxy|SKYARC_\w+)$/i.test(name));
  return { settings: Object.fromEntries(settings), proxy: { http_proxy: base, no_proxy: repoAddress.host } };
}

/** What a build may reach besides packages when its team may reach no more: null is every public address. */
export function closedHostsOf(
  upstreams: Upstreams,
  {
    isOpen,
    hasYarnLock,
    sourceUrl,
  }: { isOpen: boolean; hasYarnLock: boolean; sourceUrl: string | undefined },
): readonly string[] | null {
  if (upstreams.repoUrl === null || isOpen) return null;
  const source = sourceUrl && URL.canParse(sourceUrl) ? [new URL(sourceUrl).hostname] : [];
  return [...source, ...(hasYarnLock ? upstreams.yarnHosts : [])];
}

/** Environment by which the usual clients trust a bundle of certificates. */
export function trustOf(caFile: string): Record<string, string> {
  return { NODE_EXTRA_CA_CERTS: caFile, SSL_CERT_FILE: caFile, PIP_CERT: caFile, REQUESTS_CA_BUNDLE: caFile };
}

async function ask(command: string, args: readonly string[]): Promise<string | undefined> {
  const answer = await run(command, args, { timeoutMs: 20_000 }).catch(() => null);
  const text = answer?.code === 0 ? answer.stdout.trim() : '';
  return URL.canParse(text) ? text : undefined;
}

async function goProxyOf(): Promise<string | undefined> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: homedir() };
  const answer = await run('go', ['env', 'GOPROXY'], { env, timeoutMs: 20_000 }).catch(() => null);
  return (answer?.code === 0 && answer.stdout.trim()) || undefined;
}

function withoutCredentials(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (!url.username && !url.password) return text;
  url.username = '';
  url.password = '';
  return url.toString();
}
