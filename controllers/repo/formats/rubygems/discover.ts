import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { clientDefaults } from '@skyarc/lib/contracts';
import { parse } from 'yaml';
import type { Upstream } from '../../store/upstream.ts';
import { upstreamOf, upstreamsOf, withLogin } from '../../upstreams.ts';

/** What Bundler calls the mirror of rubygems.org in its configuration and environment. */
const mirrorKey = `BUNDLE_MIRROR__${clientDefaults.rubygems.toUpperCase().replaceAll('.', '__')}/`;

/** Bundler's mirror of rubygems.org, else the sources of gem's configuration, else rubygems.org. */
export async function discover(env: Readonly<Record<string, string>>): Promise<readonly Upstream[]> {
  const bundle = await read([join(homedir(), '.bundle/config')]);
  const gemrc = await read(['/etc/gemrc', join(homedir(), '.gemrc')]);
  return sourcesOf({ env, bundle, gemrc });
}

interface Settings {
  readonly env: Readonly<Record<string, string>>;
  /** Text of Bundler's configuration. */
  readonly bundle: string;
  /** Text of gem's. */
  readonly gemrc: string;
}

/** Pure: servers of gems as the settings name them. */
export function sourcesOf({ env, bundle, gemrc }: Settings): readonly Upstream[] {
  const mirror = env[mirrorKey] ?? textAt(bundle, mirrorKey);
  if (URL.canParse(mirror)) return [withKeptLogin(upstreamOf(mirror), bundle)];
  const sources = settingsIn(gemrc)[':sources'];
  const named = Array.isArray(sources) ? upstreamsOf(sources.join(' ')) : [];
  return named.length > 0 ? named : [upstreamOf(clientDefaults.rubygems)];
}

/** Bundler keeps `user:password` by the name of the host. */
function withKeptLogin(upstream: Upstream, bundle: string): Upstream {
  const host = new URL(upstream.url).hostname.toUpperCase().replaceAll('-', '___').replaceAll('.', '__');
  const login = upstream.authorization ? '' : textAt(bundle, `BUNDLE_${host}`);
  return login ? withLogin(upstream, login) : upstream;
}

function textAt(text: string, key: string): string {
  const value = settingsIn(text)[key];
  return typeof value === 'string' ? value : '';
}

function settingsIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = parse(text, { schema: 'failsafe' });
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

async function read(files: readonly string[]): Promise<string> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.filter(Boolean).at(-1) ?? '';
}
