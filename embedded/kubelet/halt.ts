import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { CriClient } from './cri/client.ts';
import type { Container } from './cri/types.ts';
import { containerAnnotations } from './render/container.ts';

/**
 * Ends all pods of an engine and removes them, without the API: containers get their grace time, up to
 * `maxGraceSeconds`, side-cars after the others. What cannot be ended is logged and left.
 */
export async function stopAllPods(cri: CriClient, maxGraceSeconds: number, log: Logger): Promise<void> {
  const { containers } = await cri.call('ListContainers', {});
  const running = containers.filter(({ state }) => state === 'CONTAINER_RUNNING');
  const stop = async ({ id, annotations }: Container) => {
    const grace = Number(annotations[containerAnnotations.gracePeriod] ?? 0);
    const timeout = Math.min(maxGraceSeconds, grace);
    await cri.call('StopContainer', { containerId: id, timeout }, { timeoutMs: (timeout + 60) * 1_000 });
  };
  await settle(running.filter((each) => !isSidecar(each)).map(stop), 'cannot end a container', log);
  await settle(running.filter(isSidecar).map(stop), 'cannot end a side-car', log);
  const { items } = await cri.call('ListPodSandbox', {});
  const remove = async (podSandboxId: string) => {
    await cri.call('StopPodSandbox', { podSandboxId });
    await cri.call('RemovePodSandbox', { podSandboxId });
  };
  await settle(
    items.map(({ id }) => remove(id)),
    'cannot remove a pod',
    log,
  );
}

function isSidecar({ annotations }: Container): boolean {
  return annotations[containerAnnotations.isSidecar] === 'true';
}

async function settle(work: readonly Promise<void>[], problem: string, log: Logger): Promise<void> {
  for (const each of await Promise.allSettled(work)) {
    if (each.status === 'rejected') log.warn({ reason: messageOf(each.reason) }, problem);
  }
}
