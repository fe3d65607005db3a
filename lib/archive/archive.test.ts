import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveFormatOf, type ArchiveFormat, unpackArchive } from './index.ts';
import { type ZipEntry, zipOfEntries } from './testing/index.ts';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-archive-'));
  await writeFile(join(folder, 'outside'), 'untouched');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const limits = { bytes: 32 << 20, entries: 50, ratio: 100 };

/** Unpacks and answers the folder. */
async function unpack(
  bytes: Buffer,
  format: ArchiveFormat,
  more: Partial<typeof limits> = {},
): Promise<string> {
  const file = join(folder, `${(count += 1)}.archive`);
  const to = await mkdtemp(join(folder, 'to-'));
  await writeFile(file, bytes);
  await unpackArchive({ file, format, to, limits: { ...limits, ...more } });
  return to;
}

type TarEntry = Partial<Header> & { readonly name: string; readonly text?: string };

async function tar(...entries: readonly TarEntry[]): Promise<Buffer> {
  const stream = pack();
  for (const { text, ...header } of entries) stream.entry(header, text ?? '');
  stream.finalize();
  return buffer(stream);
}

const link = (name: string, linkname: string, type: 'symlink' | 'link' = 'symlink'): TarEntry => ({
  name,
  type,
  linkname,
});

test('a name tells the format', () => {
  expect(archiveFormatOf('a.TGZ')).toBe('tar.gz');
  expect(archiveFormatOf('a.tar')).toBe('tar');
  expect(archiveFormatOf('a.zip')).toBe('zip');
  expect(archiveFormatOf('a.jar')).toBeNull();
});

test('tar and tar.gz keep files, folders, links within, and who may execute', async () => {
  const bytes = await tar(
    { name: './bin/', type: 'directory' },
    { name: 'bin/run', text: '#!/bin/sh\n', mode: 0o6755 },
    { name: 'deep/er/file.txt', text: 'hello', mode: 0o600 },
    link('current', 'deep/er'),
    link('deep/copy.txt', 'deep/er/file.txt', 'link'),
  );
  for (const [packed, format] of [
    [bytes, 'tar'],
    [gzipSync(bytes), 'tar.gz'],
  ] as const) {
    const to = await unpack(packed, format);
    expect(await readFile(join(to, 'current/file.txt'), 'utf8')).toBe('hello');
    expect(await readFile(join(to, 'deep/copy.txt'), 'utf8')).toBe('hello');
    expect((await lstat(join(to, 'bin/run'))).mode & 0o7777).toBe(0o755);
    expect((await lstat(join(to, 'deep/er/file.txt'))).mode & 0o7777).toBe(0o644);
  }
});

test('zip keeps files, folders and links within, and leaves out what macOS adds', async () => {
  const to = await unpack(
    zipOfEntries(
      { name: 'shop/' },
      { name: 'shop/app.py', text: 'print(1)' },
      { name: '__MACOSX/shop/._app.py', text: 'x' },
      { name: 'shop/run', text: '#!/bin/sh', mode: 0o100_755 },
      { name: 'latest', text: 'shop/app.py', mode: 0o120_777 },
      { name: '目录/文件.txt', text: '你好' },
    ),
    'zip',
  );
  expect((await readdir(to)).sort()).toEqual(['latest', 'shop', '目录']);
  expect(await readlink(join(to, 'latest'))).toBe('shop/app.py');
  expect((await lstat(join(to, 'shop/run'))).mode & 0o777).toBe(0o755);
  expect(await readFile(join(to, '目录/文件.txt'), 'utf8')).toBe('你好');
});

describe('hostile archives are refused, and nothing outside is touched', () => {
  const tars: [string, readonly TarEntry[], RegExp][] = [
    ['an absolute name', [{ name: '/etc/passwd', text: 'x' }], /"\/etc\/passwd": its name is absolute/],
    ['a name that leads out', [{ name: 'a/../../outside', text: 'x' }], /leads out of the archive/],
    ['a name of another system', [{ name: String.raw`..\outside`, text: 'x' }], /not allowed/],
    ['a drive', [{ name: 'C:/outside', text: 'x' }], /absolute/],
    ['a link to an absolute path', [link('a', '/etc/passwd')], /"a": it is a link out of the archive/],
    ['a link out', [link('deep/a', '../../outside')], /link out of the archive/],
    [
      'a link out by another link',
      [link('a/b', '..'), link('c', 'a/b/../../outside')],
      /"c": it is a link out/,
    ],
    ['links that together lead out', [link('x/y', '..'), link('z', 'x/y/..')], /link out of the archive/],
    ['a file through a link', [link('a', '.'), { name: 'a/b', text: 'x' }], /another entry has its name/],
    ['a file through a link out', [link('a', '..'), { name: 'a/outside', text: 'x' }], /link out/],
    ['a hard link out', [link('a', '../outside', 'link')], /leads out|not in the archive/],
    ['a hard link to nothing', [link('a', 'b', 'link')], /link to something that is not in the archive/],
    ['a character device', [{ name: 'null', type: 'character-device' }], /"null": it is neither file/],
    ['a block device', [{ name: 'sda', type: 'block-device' }], /neither file/],
    ['a named pipe', [{ name: 'pipe', type: 'fifo' }], /neither file/],
    [
      'a file that is a folder',
      [
        { name: 'a/b', text: 'x' },
        { name: 'a', text: 'x' },
      ],
      /another entry has its name/,
    ],
    [
      'a folder that is a file',
      [
        { name: 'a', text: 'x' },
        { name: 'a/b', text: 'x' },
      ],
      /another entry has its name/,
    ],
    [
      'a link loop',
      [link('a', 'b'), link('b', 'a'), { name: 'a/c', text: 'x' }],
      /another entry has its name/,
    ],
    ['a deep name', [{ name: 'd/'.repeat(65) + 'f', text: 'x' }], /too long/],
    ['nothing', [], /it is empty/],
  ];
  test.each(tars)('tar with %s', async (_what, entries, message) => {
    await expect(unpack(await tar(...entries), 'tar')).rejects.toThrow(message);
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('untouched');
  });

  const zips: [string, readonly ZipEntry[], RegExp][] = [
    ['an absolute name', [{ name: '/etc/passwd' }], /damaged \(absolute path|absolute/],
    ['a name that leads out', [{ name: '../outside' }], /invalid relative path|leads out/],
    ['a link out', [{ name: 'a', text: '../outside', mode: 0o120_777 }], /link out of the archive/],
    ['a link to an absolute path', [{ name: 'a', text: '/etc', mode: 0o120_777 }], /link out of the archive/],
    ['a device', [{ name: 'a', mode: 0o020_666 }], /neither file, folder nor link/],
    ['a password', [{ name: 'a', text: 'x', flags: 0x801 }], /encrypted/],
    ['a size that lies', [{ name: 'a', text: 'x'.repeat(1_000), size: 10 }], /damaged/],
    ['a very long link', [{ name: 'a', text: 'x'.repeat(5_000), mode: 0o120_777 }], /too long/],
    ['nothing', [], /it is empty/],
  ];
  test.each(zips)('zip with %s', async (_what, entries, message) => {
    await expect(unpack(zipOfEntries(...entries), 'zip')).rejects.toThrow(message);
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('untouched');
  });

  test('a file through a hard link of an earlier entry leaves that one as it was', async () => {
    const bytes = await tar({ name: 'a', text: '1' }, link('b', 'a', 'link'), { name: 'b', text: '2' });
    const to = await unpack(bytes, 'tar');
    expect(await readFile(join(to, 'a'), 'utf8')).toBe('1');
    expect(await readFile(join(to, 'b'), 'utf8')).toBe('2');
  });
});

describe('limits', () => {
  const zeros = '\0'.repeat(20 << 20);

  test('too many bytes', async () => {
    const bytes = gzipSync(await tar({ name: 'a', text: zeros }));
    await expect(unpack(bytes, 'tar.gz', { bytes: 1 << 20 })).rejects.toThrow(/more than 1 MiB/);
    await expect(unpack(zipOfEntries({ name: 'a', text: zeros }), 'zip', { bytes: 1 << 20 })).rejects.toThrow(
      /more than 1 MiB/,
    );
  });

  test('a bomb', async () => {
    const bytes = gzipSync(await tar({ name: 'a', text: zeros }));
    await expect(unpack(bytes, 'tar.gz')).rejects.toThrow(/more than 100 times its size/);
    await expect(unpack(zipOfEntries({ name: 'a', text: zeros }), 'zip')).rejects.toThrow(
      /more than 100 times/,
    );
  });

  test('too many entries', async () => {
    const names = Array.from({ length: 51 }, (_, index) => ({ name: `f${index}` }));
    await expect(unpack(await tar(...names), 'tar')).rejects.toThrow(/more than 50 entries/);
    await expect(unpack(zipOfEntries(...names), 'zip')).rejects.toThrow(/more than 50 entries/);
  });

  test('a header that would fill the memory', async () => {
    const bytes = await tar({ name: 'x', text: 'y'.repeat(16 << 20) });
    // A file's header becomes that of a long name; the checksum (at 148) counts its own place as spaces.
    bytes.write('L', 156);
    bytes.write('        ', 148);
    const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await expect(unpack(bytes, 'tar')).rejects.toThrow(/Header exceeds max size/);
  });
});

test('what is damaged or something else is told so', async () => {
  const good = gzipSync(await tar({ name: 'a', text: 'x'.repeat(100_000) }));
  await expect(unpack(good.subarray(0, 60), 'tar.gz')).rejects.toThrow(/damaged/);
  await expect(unpack(Buffer.from('hello'), 'tar.gz')).rejects.toThrow(/damaged/);
  await expect(unpack(Buffer.alloc(2_000, 65), 'tar')).rejects.toThrow(/damaged/);
  await expect(unpack(Buffer.from('hello'), 'zip')).rejects.toThrow(/it is no zip/);
  await expect(unpack(zipOfEntries({ name: 'a', text: 'hello' }).subarray(20), 'zip')).rejects.toThrow(
    /no zip|damaged/,
  );
});
