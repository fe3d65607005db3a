import { AppError } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
import type { CriClient } from './cri/client.ts';
import type { PodContainer } from './pod.ts';
import { httpGet } from './probes/index.ts';

type Handler = NonNullable<NonNullable<PodContainer['lifecycle']>['preStop']>;

/** Runs a postStart or preStop handler. Throws when it fails or does not end in time. */
export async function runHook(
  cri: CriClient,
  handler: Handler,
  target: { container: PodContainer; containerId: string; podIp: string },
  timeoutMs: number,
): Promise<void> {
  if (handler.sleep) {
    await sleep(Math.min(timeoutMs, handler.sleep.seconds * 1_000));
  } else if (handler.exec) {
    const timeout = Math.max(1, Math.ceil(timeoutMs / 1_000));
    const request = { containerId: target.containerId, cmd: handler.exec.command ?? [], timeout };
    const { exitCode, stderr } = await cri.call('ExecSync', request, { timeoutMs: timeoutMs + 2_000 });
    if (exitCode !== 0) {
      throw new AppError(
        'INVALID',
        `command exited with ${exitCode}: ${stderr.toString('utf8').slice(0, 512)}`,
      );
    }
  } else if (handler.httpGet) {
    const { status } = await httpGet(handler.httpGet, target, timeoutMs);
    if (status < 200 || status >= 400) throw new AppError('INVALID', `HTTP status ${status}`);
  }
}
