import { AppError } from '@skyarc/lib/errors';

type Format = 'zip' | 'gzip' | 'tar';

/** What the bytes of a file of this name must be. */
export function formatOf(fileName: string): Format {
  if (/\.(tar\.gz|tgz)$/i.test(fileName)) return 'gzip';
  return /\.tar$/i.test(fileName) ? 'tar' : 'zip';
}

/** Throws INVALID when the first 512 bytes are not those of the format. */
export function refuseOtherFormat(fileName: string, format: Format, head: Buffer): void {
  const isRight = {
    // Local file header, or the end record of an empty one (APPNOTE 4.3.7, 4.3.16).
    zip: () => head.length > 3 && [0x04034b50, 0x06054b50].includes(head.readUInt32LE(0)),
    gzip: () => head.length > 2 && head[0] === 0x1f && head[1] === 0x8b,
    tar: () => head.subarray(257, 262).toString('latin1') === 'ustar',
  }[format]();
  if (isRight) return;
  const article = { zip: 'a zip archive', gzip: 'a gzip file', tar: 'a tar archive' }[format];
  throw new AppError('INVALID', `Cannot upload "${fileName}": its content is not ${article}`);
}
