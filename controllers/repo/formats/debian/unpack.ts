import { spawn } from 'node:child_process';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError } from '@skyarc/lib/errors';

/** What an index holds; a failure is met by whoever reads. Node.js knows no xz, which xz(1) unpacks. */
export function unpack(packed: Readable, packing: 'gz' | 'xz'): Readable {
  if (packing === 'gz') {
    const unpacked = createGunzip();
    pipeline(packed, unpacked, () => undefined);
    return unpacked;
  }
  const child = spawn('xz', ['--decompress', '--stdout'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const unpacked = new PassThrough();
  const fail = (reason: string) =>
    unpacked.destroy(new AppError('UNAVAILABLE', `Cannot unpack an index: ${reason}`));
  pipeline(packed, child.stdin, () => undefined);
  child.stdout.pipe(unpacked, { end: false });
  child.once('error', (error) => fail(error.message));
  child.once('close', (code) => (code === 0 ? unpacked.end() : fail(`xz ended with status ${code}`)));
  // Nobody reads any more: it must not wait for ever.
  unpacked.once('close', () => child.kill('SIGKILL'));
  return unpacked;
}
