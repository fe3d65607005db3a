import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { expect, test } from 'vitest';
import { newSshKey } from './ssh-key.ts';

test('ssh-keygen reads the private key and finds the same public key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-ssh-'));
  try {
    const { publicKey, privateKey } = newSshKey('skyarc-blue');
    await writeFile(join(folder, 'key'), privateKey, { mode: 0o600 });
    const { code, stdout, stderr } = await run('ssh-keygen', ['-y', '-f', join(folder, 'key')]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.trim()).toBe(publicKey);
  } finally {
    await rm(folder, { recursive: true });
  }
});
