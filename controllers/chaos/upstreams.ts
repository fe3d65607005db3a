import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { run } from '@skyarc/lib/process';
import { goDefaults } from './base/go-proxy.ts';
import { findMavenMirror, mavenCentral } from './base/maven-settings.ts';

const handedOn = `http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY
  npm_config_registry PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST
  GOPROXY GOSUMDB GONOSUMDB GOPRIVATE SKYARC_MAVEN_URL`.split(/\s+/);

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
  readonly env: Readonly<Record<string, string>>;
  /** Bundle of trusted certificates of this machine, or null. */
  readonly caFile: string | null;
  /** Hosts that builds must reach even when their address is private. */
  readonly hosts: readonly string[];
}

/** Where clients go that are not configured. */
const clientDefaults = [mavenCentral, ...goDefaults];
const caBundle = '/etc/ssl/certs/ca-certificates.crt';

/** Asks npm, pip, Go and Maven of this machine; what is not installed or not configured keeps the client's default. */
export async function discoverUpstreams(clientEnv: Readonly<Record<string, string>>): Promise<Upstreams> {
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
  const sites = await run('apt-get', ['indextargets', '--format', '$(SITE)']).catch(() => null);
  const named = Object.values(env).flatMap((value) => value.split(/[,|]/));
  const urls = [...named, ...clientDefaults, ...(sites?.stdout.split('\n') ?? [])];
  const hosts = urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname] : []));
  return { env, caFile, hosts: [...new Set(hosts.filter(Boolean))] };
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
