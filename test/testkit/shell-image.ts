import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { assembleImage, type ImageConfig, pushImage, RegistryClient, writeLayer } from '@skyarc/lib/oci';

export interface ShellImage {
  /** Registry that takes pushes. */
  readonly url: string;
  readonly repository: string;
  readonly tag: string;
  readonly config: ImageConfig;
  /** Programs and pages: path -> content, all of them executable. */
  readonly files: Readonly<Record<string, string>>;
}

/** Pushes an image of one layer: Debian's static busybox, and files beside it. */
export async function pushShellImage({ url, repository, tag, config, files }: ShellImage): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-image-'));
  try {
    const root = join(folder, 'root');
    await mkdir(join(root, 'bin'), { recursive: true });
    await copyFile('/bin/busybox', join(root, 'bin/busybox'));
    await chmod(join(root, 'bin/busybox'), 0o755);
    for (const name of ['sh', 'wget', 'sleep', 'wc', 'cat'])
      await symlink('busybox', join(root, 'bin', name));
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text, { mode: 0o755 });
    }
    const file = join(folder, 'layer.tar.gz');
    const layer = await writeLayer({ from: { folder: root }, to: file });
    const image = assembleImage([layer], { env: ['PATH=/bin'], ...config });
    await pushImage(new RegistryClient({ url }), { repository, tag }, image, [{ layer, file }]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
