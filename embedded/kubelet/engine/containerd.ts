import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { Daemon, run } from '@skyarc/lib/process';
import { CriClient } from '../cri/client.ts';
import { renderPauseImage } from './pause-image.ts';

export interface ContainerdOptions {
  /** Folder of its configuration, images, socket and log. */
  readonly home: string;
  readonly instance: string;
  /** Registries spoken to in plain HTTP, as `host:port`. */
  readonly plainHttpRegistries: readonly string[];
  readonly cniConfigFolder: string;
  readonly cniPluginFolder: string;
  /** Of the streaming server for exec, attach and port-forward; port 0 picks a free one. */
  readonly streaming: { readonly host: string; readonly port: number };
  readonly snapshotter: string;
  readonly log: Logger;
}

/** A container engine of our own, beside whatever the system runs. */
export interface Containerd {
  readonly cri: CriClient;
  readonly socket: string;
  readonly daemon: Daemon;
  /** It was running already. */
  readonly adopted: boolean;
  /** Where images and snapshots lie. */
  readonly root: string;
  /** Loads an image archive (OCI layout or `docker save`) from a tar file. */
  importImage(archive: string): Promise<void>;
}

/**
 * Starts containerd, or adopts the one that an earlier process left running. The engine and its
 * containers outlive this process. Throws UNAVAILABLE with the end of its log.
 */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const root = join(options.home, 'root');
  const socket = join(options.home, 'containerd.sock');
  const configFile = join(options.home, 'config.toml');
  if (Buffer.byteLength(socket) > 104) {
    throw new AppError(
      'INVALID',
      `Cannot start containerd: the path ${socket} is too long for a unix socket`,
    );
  }
  const pauseImage = `localhost/${options.instance}/pause:1`;
  await mkdir(options.home, { recursive: true });
  await writeRegistryHosts(options);
  const config = renderContainerdConfig(options, pauseImage);
  const before = await readFile(configFile, 'utf8').catch(() => undefined);
  await writeFile(configFile, config);

  const cri = new CriClient(socket);
  const daemon = new Daemon({
    name: 'containerd',
    folder: options.home,
    command: 'containerd',
    args: ['--config', configFile],
    ready: async () => Boolean(await cri.call('Version', {}, { timeoutMs: 1_000 })),
  });
  // Its containers live in shims of their own, so that a restart for a new configuration harms none.
  if (before !== undefined && before !== config && (await daemon.findPid()) !== null) await daemon.stop();
  try {
    const { pid, adopted } = await daemon.ensure();
    options.log.info({ pid, adopted }, 'containerd is ready');
    const engine = {
      cri,
      socket,
      daemon,
      adopted,
      root,
      importImage: (archive: string) => importImage(socket, archive),
    };
    await ensurePauseImage(engine, pauseImage, options.home);
    return engine;
  } catch (error) {
    cri.close();
    throw error;
  }
}

async function ensurePauseImage(engine: Containerd, reference: string, folder: string): Promise<void> {
  const { image } = await engine.cri.call('ImageStatus', { image: { image: reference } });
  if (image) return;
  const archive = join(folder, 'pause.tar');
  await writeFile(archive, renderPauseImage(reference));
  await engine.importImage(archive);
  await rm(archive);
}

async function importImage(socket: string, archive: string): Promise<void> {
  const { code, stderr } = await run('ctr', [
    '--address',
    socket,
    '--namespace',
    'k8s.io',
    'images',
    'import',
    '--',
    archive,
  ]);
  if (code !== 0) throw new AppError('INVALID', `Cannot import image ${archive}: ${stderr.trim()}`);
}

/** containerd's registry host folders: one `hosts.toml` for each registry without TLS. */
async function writeRegistryHosts(options: ContainerdOptions): Promise<void> {
  for (const registry of options.plainHttpRegistries) {
    const folder = join(options.home, 'registries', registry);
    await mkdir(folder, { recursive: true });
    const url = quote(`http://${registry}`);
    await writeFile(
      join(folder, 'hosts.toml'),
      `server = ${url}\n\n[host.${url}]\n  capabilities = ["pull", "resolve"]\n`,
    );
  }
}

/** containerd's configuration file, version 2 (containerd 1.6 and 1.7). */
export function renderContainerdConfig(options: Omit<ContainerdOptions, 'log'>, pauseImage: string): string {
  const { home } = options;
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${quote(join(home, 'root'))}
state = ${quote(join(home, 'state'))}
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]

[grpc]
  address = ${quote(join(home, 'containerd.sock'))}

[${cri}]
  sandbox_image = ${quote(pauseImage)}
  restrict_oom_score_adj = true
  stream_server_address = ${quote(options.streaming.host)}
  stream_server_port = ${quote(String(options.streaming.port))}
  max_container_log_line_size = 262144

  [${cri}.cni]
    bin_dir = ${quote(options.cniPluginFolder)}
    conf_dir = ${quote(options.cniConfigFolder)}

  [${cri}.containerd]
    snapshotter = ${quote(options.snapshotter)}
    default_runtime_name = "runc"
    discard_unpacked_layers = false

    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false

  [${cri}.registry]
    config_path = ${quote(join(home, 'registries'))}
`;
}

/** A TOML basic string; JSON's escapes are a subset of TOML's. */
function quote(text: string): string {
  return JSON.stringify(text);
}
