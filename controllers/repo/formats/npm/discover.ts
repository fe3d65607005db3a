import { readFile } from 'node:fs/promises';
import { clientDefaults } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import { upstreamOf } from '../../upstreams.ts';
import type { Upstream } from '../../store/upstream.ts';

type Settings = ReadonlyMap<string, string>;

/** The registries of npm's own configuration: one for all, and those of single scopes. */
export async function discover(env: Readonly<Record<string, string>>): Promise<readonly Upstream[]> {
  const answer = await run('npm', ['config', 'get', 'registry', 'globalconfig', 'userconfig'], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    timeoutMs: 20_000,
  }).catch(() => null);
  const at = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(answer?.stdout ?? '')?.[1] ?? '';
  const files = [at('globalconfig'), at('userconfig')];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return registriesOf(env['npm_config_registry'] || at('registry'), parseNpmrc(texts.join('\n'), env));
}

/** Pure: registries of npmrc(5) settings, those of scopes first. */
export function registriesOf(registry: string, settings: Settings): Upstream[] {
  const scoped = [...settings].flatMap(([key, value]) => {
    const scope = /^(@[^:]+):registry$/.exec(key)?.[1];
    return scope && URL.canParse(value) ? [{ ...withAuth(value, settings), scope }] : [];
  });
  const main = URL.canParse(registry) ? registry : clientDefaults.npm;
  return [...scoped, withAuth(main, settings)];
}

/** `key = value` lines with `${VARIABLES}`. */
export function parseNpmrc(text: string, env: Readonly<Record<string, string>>): Settings {
  const lines = text.split('\n').flatMap((line) => {
    const [, key, value = ''] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    const plain = value
      .replace(/^"(.*)"$/, '$1')
      .replace(/\$\{(\w+)\}/g, (_, name: string) => env[name] ?? '');
    return key ? [[key, plain] as const] : [];
  });
  return new Map(lines);
}

function withAuth(url: string, settings: Settings): Upstream {
  const upstream = upstreamOf(url);
  const at = (name: string) => settings.get(`${upstream.url.replace(/^https?:/, '')}:${name}`);
  const token = at('_authToken');
  if (token) return { ...upstream, authorization: `Bearer ${token}` };
  const user = at('username');
  const password = Buffer.from(at('_password') ?? '', 'base64').toString('utf8');
  const basic = at('_auth') ?? (user ? Buffer.from(`${user}:${password}`).toString('base64') : undefined);
  return basic ? { ...upstream, authorization: `Basic ${basic}` } : upstream;
}
