import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import { runContainer } from '../sandbox/container.ts';

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}
interface Config {
  readonly config: {
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly User?: string;
  };
}

export interface PulledImage {
  readonly rootfs: string;
  readonly config: Config['config'];
  remove(): Promise<void>;
}

/** Unpacks an image of the registry the way a node would: every layer over the one before. */
export async function pullImage(registryUrl: string, image: string): Promise<PulledImage> {
  const [repository = '', digest = ''] = image.split('@');
  const get = async (path: string) => {
    const response = await fetch(`${registryUrl}/v2/${repository}/${path}`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  };
  const manifest = JSON.parse((await get(`manifests/${digest}`)).toString()) as Manifest;
  const { config } = JSON.parse((await get(`blobs/${manifest.config.digest}`)).toString()) as Config;
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-image-'));
  const rootfs = join(folder, 'rootfs');
  await mkdir(rootfs);
  for (const layer of manifest.layers) {
    const file = join(folder, 'layer.tar.gz');
    await writeFile(file, await get(`blobs/${layer.digest}`));
    const { code, stderr } = await run('tar', ['-x', '-z', '-p', '-f', file, '-C', rootfs]);
    if (code !== 0) throw new Error(stderr);
  }
  return { rootfs, config, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Starts the image's command as its user without any right, asks it once by HTTP, and ends it. */
export async function askImage(
  image: PulledImage,
  port: number,
  path = '/',
): Promise<{ body: string; lines: string[] }> {
  const id = `chaostest-run-${process.pid}-${port}`;
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-run-'));
  const { Env = [], Entrypoint = [], Cmd = [], WorkingDir = '/', User } = image.config;
  if (User) await chown(join(image.rootfs, 'tmp'), 1000, 1000);
  await run('ip', ['netns', 'add', id]);
  await run('ip', ['-n', id, 'link', 'set', 'lo', 'up']);
  const ending = new AbortController();
  const lines: string[] = [];
  try {
    const running = runContainer({
      id,
      stateDir: join(folder, 'state'),
      bundle: join(folder, 'bundle'),
      cgroup: `/${id}`,
      role: User ? 'user' : 'installer',
      args: [...Entrypoint, ...Cmd],
      env: Object.fromEntries(Env.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string])),
      cwd: WorkingDir || '/',
      rootfs: image.rootfs,
      mounts: [],
      netns: `/run/netns/${id}`,
      cpuMillis: 1000,
      memoryMb: 256,
      processes: 64,
      signal: ending.signal,
      onLine: (line) => lines.push(line),
    });
    const url = `http://127.0.0.1:${port}${path}`;
    const body = await pollUntil(
      async () => {
        const answer = await run('ip', ['netns', 'exec', id, 'curl', '-s', '-f', '-m', '2', url]);
        return answer.code === 0 ? answer.stdout : undefined;
      },
      { timeoutMs: 60_000, onTimeout: () => new Error(`no answer:\n${lines.join('\n')}`) },
    );
    ending.abort();
    await running;
    return { body, lines };
  } finally {
    ending.abort();
    await run('ip', ['netns', 'delete', id]);
    await rm(folder, { recursive: true, force: true });
  }
}
