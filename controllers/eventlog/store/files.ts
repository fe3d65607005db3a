import { type FileHandle, open } from 'node:fs/promises';

/** The kernel takes this many pieces at once (IOV_MAX). */
const maxPieces = 1_024;

/** Writes everything at the position, in as few writes as can be; answers the number of bytes. */
export async function writeParts(
  file: FileHandle,
  parts: readonly Buffer[],
  position: number,
): Promise<number> {
  let at = position;
  for (let from = 0; from < parts.length; from += maxPieces) {
    const pieces = parts.slice(from, from + maxPieces);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const { bytesWritten } = await file.writev(pieces, at);
    // One write may take only a part (write(2)).
    if (bytesWritten < length)
      await writeAll(file, Buffer.concat(pieces).subarray(bytesWritten), at + bytesWritten);
    at += length;
  }
  return at - position;
}

async function writeAll(file: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length;) {
    done += (await file.write(data, done, data.length - done, position + done)).bytesWritten;
  }
}

/** Makes created and removed names of a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
