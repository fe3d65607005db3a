import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { renderImageArchive } from '../engine/oci-archive.ts';

const programs = [
  'sh',
  'cat',
  'echo',
  'sleep',
  'ls',
  'id',
  'head',
  'tail',
  'env',
  'touch',
  'date',
  'seq',
  'mkdir',
  'rm',
  'true',
  'false',
  'stat',
  'hostname',
  'getent',
];

/**
 * Writes the archive of an image for tests, made of this machine's own programs and this Node.js, since no
 * registry is at hand.
 */
export async function writeHostImage(archive: string, reference: string, user?: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'host-image-'));
  try {
    const layer = join(folder, 'layer.tar');
    const found = await Promise.all(programs.map(findProgram));
    const files = [...new Set([...found, ...(await librariesOf([process.execPath, ...found]))])];
    const node = process.execPath.slice(1);
    const resolvers = await findNameModules();
    await run('tar', [
      '--create',
      '--dereference',
      '--file',
      layer,
      '--directory',
      '/',
      `--transform=s|^${node}$|usr/bin/node|`,
      '--owner=0',
      '--group=0',
      '--',
      node,
      ...files.map((file) => file.slice(1)),
      ...resolvers.map((file) => file.slice(1)),
    ]);
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const layers = [await readFile(layer)];
    await writeFile(archive, renderImageArchive({ reference, layers, architecture, user }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function findProgram(name: string): Promise<string> {
  const { stdout } = await run('which', [name]);
  return stdout.trim();
}

async function librariesOf(files: readonly string[]): Promise<string[]> {
  const { stdout } = await run('ldd', [...files]);
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

/** glibc loads these by name when it resolves host names. */
async function findNameModules(): Promise<string[]> {
  const { stdout } = await run('ldconfig', ['-p']);
  return [...stdout.matchAll(/libnss_(?:files|dns)\.so\.2 .*=> (\S+)/g)].map(([, path = '']) => path);
}
