import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

/** Loads a script in one transaction (nft(8)): all of it or nothing. Throws INTERNAL with what nft says. */
export async function nft(script: string): Promise<void> {
  const { code, stderr } = await run('nft', ['-f', '-'], { input: script, timeoutMs: 10_000 });
  if (code !== 0) throw new AppError('INTERNAL', `nft refused a change: ${stderr.trim().slice(0, 500)}`);
}

/** Removes a table with all its rules; no effect when there is none. */
export async function removeTable(name: string): Promise<void> {
  await nft(`table ip ${name}\ndelete table ip ${name}\n`);
}

export async function hasTable(name: string): Promise<boolean> {
  const { stdout } = await run('nft', ['list', 'tables', 'ip']);
  return stdout.split('\n').includes(`table ip ${name}`);
}
