import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';

const zstd = promisify(zstdCompress);

/**
 * Node's pool has four threads (UV_THREADPOOL_SIZE): one stays for the disk. A compressor takes memory from the
 * moment it is made, also while it waits for a thread, so that only those that work are made.
 */
const atOnce = 3;
const waiting: (() => void)[] = [];
let working = 0;

/** One zstd frame (RFC 8878). */
export async function compress(data: Buffer, level: number): Promise<Buffer> {
  if (working < atOnce) working += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await zstd(data, {
      // Lines shrink to less than a quarter almost always; a larger piece of memory would be thrown away.
      chunkSize: Math.max(data.length >> 2, 1024),
      params: { [constants.ZSTD_c_compressionLevel]: level },
    });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else working -= 1;
  }
}
