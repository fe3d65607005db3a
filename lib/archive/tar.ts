import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { type Landing, refusal } from './landing.ts';

/** Reads a tar (POSIX ustar and pax, GNU), gzipped or not, into a landing. */
export async function readTar(
  file: string,
  { isCompressed }: { readonly isCompressed: boolean },
  landing: Landing,
  signal: AbortSignal | undefined,
): Promise<void> {
  const entries = extract();
  const reading = pipeline(
    isCompressed ? [createReadStream(file), createGunzip(), entries] : [createReadStream(file), entries],
    { signal },
  );
  reading.catch(() => undefined);
  let refused: unknown;
  try {
    for await (const entry of entries) {
      const content = entry as unknown as AsyncIterable<Buffer>;
      await land(entry.header, content, landing, signal).catch((error: unknown) => {
        refused = error;
        throw error;
      });
      entry.resume();
    }
  } catch (error) {
    // When no entry was refused, reading says why there are no more; it sees the end of ours as an error, too.
    if (refused === undefined) await reading;
    throw error;
  }
  await reading;
}

async function land(
  { name, type, linkname, mode }: Header,
  content: AsyncIterable<Buffer>,
  landing: Landing,
  signal: AbortSignal | undefined,
): Promise<void> {
  switch (type) {
    case 'directory':
      return landing.folder(name);
    case 'file':
    case 'contiguous-file':
      return landing.file(name, content, (mode & 0o111) !== 0, signal);
    case 'symlink':
      return landing.symlink(name, linkname ?? '');
    case 'link':
      return landing.hardLink(name, linkname ?? '');
    // What git archive and others say of the whole archive.
    case 'pax-global-header' as never:
      return;
    default:
      throw refusal(name, `it is neither file, folder nor link but ${type}`);
  }
}
