import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleImage, type ImageConfig, pushImage, RegistryClient, writeLayer } from '@skyarc/lib/oci';
import { startTestRegistry } from '@skyarc/lib/oci/testing';
import { hash } from 'bcryptjs';

export interface PrivateRegistry {
  /** As in image references: `127.0.0.1:<port>`. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
  /** Puts an image of one small layer there; answers its digest. */
  push(
    repository: string,
    tag: string,
    config: ImageConfig,
    files: Readonly<Record<string, string>>,
  ): Promise<string>;
  stop(): Promise<void>;
}

/** A real Distribution that asks for user and password, beside one over the same store that takes pushes. */
export async function startPrivateRegistry(ports: {
  readonly login: number;
  readonly push: number;
}): Promise<PrivateRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-registry-'));
  const [username, password] = ['puller', 's3cret-pull'];
  await writeFile(join(folder, 'htpasswd'), `${username}:${await hash(password, 4)}\n`);
  const auth = { htpasswd: { realm: 'registry', path: join(folder, 'htpasswd') } };
  const daemons = await Promise.all([
    startTestRegistry({ folder, name: 'login', port: ports.login, auth }),
    startTestRegistry({ folder, name: 'push', port: ports.push }),
  ]);
  const registry = new RegistryClient({ url: `http://127.0.0.1:${ports.push}` });
  let count = 0;
  return {
    host: `127.0.0.1:${ports.login}`,
    username,
    password,
    push: async (repository, tag, config, files) => {
      const content = join(folder, `content-${(count += 1)}`);
      await mkdir(content);
      for (const [name, text] of Object.entries(files)) await writeFile(join(content, name), text);
      const file = join(folder, `layer-${count}`);
      const layer = await writeLayer({ from: { folder: content }, to: file });
      const image = assembleImage([layer], config);
      await pushImage(registry, { repository, tag }, image, [{ layer, file }]);
      return image.digest;
    },
    stop: async () => {
      await Promise.all(daemons.map((daemon) => daemon.stop()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
