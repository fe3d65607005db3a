import { chown, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { uriHost } from '@skyarc/lib/address';
import { gitUrl } from '@skyarc/lib/contracts';
import { type EgressPolicy, pinHost } from '@skyarc/lib/egress';
import { AppError } from '@skyarc/lib/errors';

/** git runs as nobody: what a server sends is parsed without this machine's rights. */
export const nobody = { uid: 65_534, gid: 65_534 } as const;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface RemoteOptions {
  readonly credentials?: Credentials;
  /** OpenSSH private key; needed for ssh addresses. */
  readonly sshKey?: string;
  /** Host keys that the team has seen; a new host's is added, a changed one refused. */
  readonly knownHostsFile: string;
  readonly policy: EgressPolicy;
  /** Proxy settings. */
  readonly env: Readonly<Record<string, string>>;
  /** A folder of nobody's for one fetch. */
  readonly folder: string;
}

/** A repository's address, checked and bound to an IP address, as git is told of it. */
export interface Remote {
  readonly url: string;
  readonly host: string;
  readonly hasCredentials: boolean;
  /** The whole environment of git for this remote; secrets are nowhere else. */
  readonly env: Readonly<Record<string, string>>;
}

/** Throws INVALID for an address that is none, NOT_FOUND or FORBIDDEN for its host. */
export async function prepareRemote(url: string, options: RemoteOptions): Promise<Remote> {
  const checked = gitUrl.safeParse(url);
  if (!checked.success) {
    throw new AppError(
      'INVALID',
      `Cannot fetch from "${url.slice(0, 200)}": ${checked.error.issues[0]?.message}`,
    );
  }
  const place = placeOf(url);
  const pinned = await pinHost(place.host, options.policy);
  const isSsh = place.protocol === 'ssh:';
  const config = isSsh ? [] : httpConfig(place, pinned.address, options.credentials);
  return {
    url,
    host: pinned.host,
    hasCredentials: options.credentials !== undefined,
    env: {
      ...plainEnvironment(options),
      ...configEnvironment([...safeConfig, ...config]),
      ...(isSsh ? await sshEnvironment(place, pinned.address, options) : {}),
    },
  };
}

interface Place {
  readonly protocol: string;
  readonly host: string;
  readonly port: string;
  readonly origin: string;
}

function placeOf(url: string): Place {
  const short = /^[^/@]+@([^:/]+):/.exec(url);
  if (short) return { protocol: 'ssh:', host: short[1] as string, port: '22', origin: '' };
  const { protocol, hostname, port, host } = new URL(url);
  const usual = { 'http:': '80', 'https:': '443', 'ssh:': '22' }[protocol] ?? '';
  return { protocol, host: hostname, port: port || usual, origin: `${protocol}//${host}` };
}

const safeConfig: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['credential.helper', ''],
  ['http.followRedirects', 'false'],
  ['http.lowSpeedLimit', '1000'],
  ['http.lowSpeedTime', '30'],
  ['protocol.version', '2'],
  ['fetch.recurseSubmodules', 'false'],
  ['submodule.recurse', 'false'],
  ['advice.detachedHead', 'false'],
  ['init.defaultBranch', 'main'],
  ['gc.auto', '0'],
  // On the disk of a build nothing outlives the machine's fall.
  ['core.fsync', 'none'],
  ['safe.directory', '*'],
];

/** The address is that of the check, whatever the name means by now (CURLOPT_RESOLVE). */
function httpConfig(place: Place, address: string, credentials?: Credentials): [string, string][] {
  const config: [string, string][] = [];
  if (!place.host.startsWith('[')) {
    config.push(['http.curloptResolve', `${place.host}:${place.port}:${uriHost(address)}`]);
  }
  if (credentials) {
    const token = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
    config.push([`http.${place.origin}/.extraHeader`, `Authorization: Basic ${token}`]);
  }
  return config;
}

/** Configuration by environment (git-config(1), GIT_CONFIG_COUNT): never in arguments or files. */
function configEnvironment(config: readonly (readonly [string, string])[]): Record<string, string> {
  const pairs = config.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(config.length), ...Object.fromEntries(pairs) };
}

function plainEnvironment(options: RemoteOptions): Record<string, string> {
  return {
    ...options.env,
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: options.folder,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_ALLOW_PROTOCOL: 'http:https:ssh',
    GIT_LFS_SKIP_SMUDGE: '1',
  };
}

async function sshEnvironment(
  place: Place,
  address: string,
  options: RemoteOptions,
): Promise<Record<string, string>> {
  const { folder, sshKey, knownHostsFile } = options;
  if (!sshKey) throw new AppError('INVALID', 'Cannot fetch by SSH: this team has no SSH key');
  await mkdir(dirname(knownHostsFile), { recursive: true, mode: 0o700 });
  const knownHosts = join(folder, 'known_hosts');
  await copyFile(knownHostsFile, knownHosts).catch(() => writeFile(knownHosts, ''));
  const key = join(folder, 'key');
  await writeFile(key, sshKey.endsWith('\n') ? sshKey : `${sshKey}\n`, { mode: 0o600 });
  const config = join(folder, 'ssh_config');
  await writeFile(config, renderSshConfig(place, address, { key, knownHosts }));
  for (const file of [knownHosts, key, config]) await chown(file, nobody.uid, nobody.gid);
  // A shell reads this value: the folder's name is our own, and quoted all the same.
  return { GIT_SSH_COMMAND: `ssh -F '${config}'`, GIT_SSH_VARIANT: 'ssh' };
}

/** Keeps what ssh has learned of a new host for the team's next fetch. */
export async function keepKnownHosts(options: RemoteOptions): Promise<void> {
  await copyFile(join(options.folder, 'known_hosts'), options.knownHostsFile).catch(() => undefined);
}

function renderSshConfig(place: Place, address: string, files: { key: string; knownHosts: string }): string {
  const alias = place.port === '22' ? place.host : `[${place.host}]:${place.port}`;
  return [
    'Host *',
    `  HostName ${address}`,
    `  HostKeyAlias ${alias}`,
    `  IdentityFile ${files.key}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    '  PreferredAuthentications publickey',
    '  BatchMode yes',
    '  StrictHostKeyChecking accept-new',
    `  UserKnownHostsFile ${files.knownHosts}`,
    '  GlobalKnownHostsFile /dev/null',
    '  HashKnownHosts no',
    '  UpdateHostKeys no',
    '  ConnectTimeout 15',
    '  ForwardAgent no',
    '  ClearAllForwardings yes',
    '  PermitLocalCommand no',
    '',
  ].join('\n');
}
