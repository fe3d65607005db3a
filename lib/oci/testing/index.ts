import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Daemon } from '@skyarc/lib/process';

export interface TestRegistryOptions {
  /** Holds its settings and, in `store`, what is pushed. */
  readonly folder: string;
  /** On loopback. */
  readonly port: number;
  /** Tells registries over one store apart. */
  readonly name?: string;
  /** As in Distribution's settings; without it everybody may pull and push. */
  readonly auth?: object;
}

/** Starts a real Distribution of the test's own over a plain folder. */
export async function startTestRegistry({
  folder,
  port,
  name = 'registry',
  auth,
}: TestRegistryOptions): Promise<Daemon> {
  const file = join(folder, `${name}.yml`);
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    storage: { filesystem: { rootdirectory: join(folder, 'store') }, delete: { enabled: true } },
    ...(auth && { auth }),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(file, JSON.stringify(settings));
  const daemon = new Daemon({
    name,
    folder,
    command: 'docker-registry',
    args: ['serve', file],
    ready: async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).status < 500,
  });
  await daemon.ensure();
  return daemon;
}
