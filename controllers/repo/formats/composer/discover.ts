import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { clientDefaults } from '@skyarc/lib/contracts';
import { z } from 'zod';
import type { Upstream } from '../../store/upstream.ts';
import { upstreamOf, withLogin } from '../../upstreams.ts';

const repository = z.union([
  z.looseObject({ type: z.string(), url: z.string() }),
  // `"packagist.org": false` or `{"packagist.org": false}`: without the default one.
  z.literal(false),
  z.record(z.string(), z.literal(false)),
]);
const config = z.looseObject({
  repositories: z.union([z.array(repository), z.record(z.string(), repository)]).default([]),
});
const auth = z.looseObject({
  'http-basic': z.record(z.string(), z.object({ username: z.string(), password: z.string() })).default({}),
  bearer: z.record(z.string(), z.string()).default({}),
});

/** The repositories of Composer's global configuration and, unless it is left out, the public one. */
export async function discover(env: Readonly<Record<string, string>>): Promise<readonly Upstream[]> {
  const homes = env['COMPOSER_HOME']
    ? [env['COMPOSER_HOME']]
    : [join(homedir(), '.config/composer'), join(homedir(), '.composer')];
  const read = async (name: string) => {
    const texts = await Promise.all(homes.map((home) => readFile(join(home, name), 'utf8').catch(() => '')));
    return texts.find(Boolean) ?? '{}';
  };
  return repositoriesOf(await read('config.json'), env['COMPOSER_AUTH'] ?? (await read('auth.json')));
}

/** Pure: from the texts of config.json and auth.json. */
export function repositoriesOf(configText: string, authText: string): readonly Upstream[] {
  const { repositories } = read(config, configText);
  const logins = read(auth, authText);
  const isWithoutDefault = Array.isArray(repositories)
    ? repositories.some((one) => typeof one === 'object' && 'packagist.org' in one)
    : 'packagist.org' in repositories;
  const named = Object.values(repositories).flatMap((one) =>
    typeof one === 'object' && one['type'] === 'composer' && URL.canParse(String(one['url']))
      ? [withKeptLogin(upstreamOf(String(one['url'])), logins)]
      : [],
  );
  return isWithoutDefault ? named : [...named, upstreamOf(clientDefaults.composer)];
}

function withKeptLogin(upstream: Upstream, logins: z.output<typeof auth>): Upstream {
  const { host } = new URL(upstream.url);
  const token = logins.bearer[host];
  if (token) return { ...upstream, authorization: `Bearer ${token}` };
  const login = logins['http-basic'][host];
  return login ? withLogin(upstream, `${login.username}:${login.password}`) : upstream;
}

function read<T extends z.ZodType>(shape: T, text: string): z.output<T> {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return shape.parse({});
  }
}
