import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';

const deflate = promisify(deflateRaw);

/** A piece is packed by itself, so that all processors work at one stream. */
const pieceBytes = 1 << 20;
/** What a piece may refer back to (RFC 1951, 2). */
const windowBytes = 32 << 10;
/** As many as threads of zlib, by default. */
const piecesAtOnce = 4;
/** Deflate, no name, no time, no system (RFC 1952, 2.3). */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
const level = 5;

/** One gzip member of all pieces; equal pieces give equal bytes. */
export async function* gzip(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const begun: Promise<Buffer>[] = [];
  let crc = 0;
  let bytes = 0;
  let window: Buffer | undefined;
  const begin = (piece: Buffer, isLast: boolean): void => {
    const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
    const packed = deflate(piece, { level, finishFlush, dictionary: window });
    packed.catch(() => undefined);
    begun.push(packed);
    crc = crc32(piece, crc);
    bytes += piece.length;
    window = piece.subarray(-windowBytes);
  };
  yield header;
  let last: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    if (last.length > 0) begin(last, false);
    last = piece;
    if (begun.length >= piecesAtOnce) yield await (begun.shift() as Promise<Buffer>);
  }
  begin(last, true);
  for (const packed of begun) yield await packed;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  yield trailer;
}

/** The same bytes, cut after every MiB. */
export async function* inPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (gatheredBytes + rest.length >= pieceBytes) {
      const end = pieceBytes - gatheredBytes;
      yield Buffer.concat([...gathered, rest.subarray(0, end)], pieceBytes);
      rest = rest.subarray(end);
      gathered = [];
      gatheredBytes = 0;
    }
    if (rest.length === 0) continue;
    gathered.push(rest);
    gatheredBytes += rest.length;
  }
  if (gatheredBytes > 0) yield Buffer.concat(gathered, gatheredBytes);
}
