import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { type Entry, open, type Options, type ZipFile } from 'yauzl';
import { type Landing, refusal } from './landing.ts';

const openZip = promisify<string, Options, ZipFile>(open);
const format = 0o170_000;
const formats = { none: 0, folder: 0o040_000, file: 0o100_000, symlink: 0o120_000 };
const maxTargetBytes = 4_096;

/** Reads a zip (PKWARE APPNOTE) by its central directory into a landing. */
export async function readZip(
  file: string,
  landing: Landing,
  signal: AbortSignal | undefined,
): Promise<void> {
  // yauzl refuses names that lead out, sizes that lie, and what it cannot read.
  const zip = await openZip(file, { lazyEntries: true, autoClose: false, validateEntrySizes: true }).catch(
    (error: unknown) => {
      throw new AppError('INVALID', `Cannot unpack the archive: it is no zip (${messageOf(error)})`, {
        cause: error,
      });
    },
  );
  try {
    for await (const entry of entriesOf(zip)) {
      signal?.throwIfAborted();
      // What macOS adds beside each file.
      if (!entry.fileName.startsWith('__MACOSX/')) await land(zip, entry, landing, signal);
    }
  } finally {
    zip.close();
  }
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  for (let left = zip.entryCount; left > 0; left -= 1) {
    const next = once(zip, 'entry');
    zip.readEntry();
    const [entry] = (await next) as [Entry];
    yield entry;
  }
}

async function land(
  zip: ZipFile,
  entry: Entry,
  landing: Landing,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { fileName: name } = entry;
  const mode = entry.externalFileAttributes >>> 16;
  const kind = mode & format;
  if (name.endsWith('/') || kind === formats.folder) return landing.folder(name);
  if (entry.isEncrypted()) throw refusal(name, 'it is encrypted; upload an archive without a password');
  if (kind === formats.symlink) {
    if (entry.uncompressedSize > maxTargetBytes) throw refusal(name, 'its link is too long');
    return landing.symlink(name, await text(await contentOf(zip, entry)));
  }
  if (kind !== formats.file && kind !== formats.none)
    throw refusal(name, 'it is neither file, folder nor link');
  return landing.file(name, await contentOf(zip, entry), (mode & 0o111) !== 0, signal);
}

async function contentOf(zip: ZipFile, entry: Entry): Promise<Readable> {
  const content = await promisify<Entry, Readable>(zip.openReadStream.bind(zip))(entry);
  // It may break before somebody reads it, who learns of it then.
  return content.on('error', () => undefined);
}
