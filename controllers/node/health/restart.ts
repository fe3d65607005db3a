import { AppError } from '@skyarc/lib/errors';
import { livePidOf, run } from '@skyarc/lib/process';
import type { ServiceConfig } from './config.ts';
import type { Finding } from './probe.ts';

/** False: there is nothing to be done about it. Throws why it cannot be brought back. */
export async function bringBack(
  how: NonNullable<ServiceConfig['restart']>,
  { isSilent }: Finding,
): Promise<boolean> {
  if (how.by === 'end') return isSilent && end(how.process);
  const [program = '', ...args] = how.command;
  const { code, stderr } = await run(program, args, { timeoutMs: how.timeoutMs, keepBytes: 4_096 });
  if (code === 0) return true;
  throw new AppError('UNAVAILABLE', `${program} ended with ${code}: ${stderr.trim().slice(-300)}`);
}

/** False when it has ended already. One that hangs does not hear SIGTERM. */
async function end(identity: string): Promise<boolean> {
  const pid = await livePidOf(identity);
  return pid !== null && process.kill(pid, 'SIGKILL');
}
