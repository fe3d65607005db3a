import { messageOf } from '@skyarc/lib/errors';
import { ensurePodCgroup, podCgroup } from '../cgroup.ts';
import type { KubeletContext } from '../context.ts';
import type { PodSandboxConfig, PodSandboxStatus } from '../cri/types.ts';
import { identityOf, qosClassOf, type Pod } from '../pod.ts';
import { readySandboxOf, type PodRuntime } from '../pod-runtime.ts';
import { renderPodResources } from '../render/resources.ts';
import { renderSandbox } from '../render/sandbox.ts';

const retryMs = 2_000;

/** The sandbox to run in, made when there is none; undefined when that is not possible now. */
export async function ensureSandbox(
  context: KubeletContext,
  pod: Pod,
  runtime: PodRuntime,
): Promise<PodSandboxStatus | undefined> {
  const ready = readySandboxOf(runtime);
  if (ready) return admit(context, pod, ready);
  for (const { id } of runtime.sandboxes) await context.cri.call('StopPodSandbox', { podSandboxId: id });
  const config = sandboxConfigOf(context, pod, (runtime.sandboxes[0]?.metadata.attempt ?? -1) + 1);
  try {
    const { maxPidsPerPod: maxPids } = context.config;
    await ensurePodCgroup(config.linux.cgroupParent, { maxPids, ...renderPodResources(pod) });
    const { podSandboxId } = await context.cri.call('RunPodSandbox', { config });
    return await admit(context, pod, (await context.cri.call('PodSandboxStatus', { podSandboxId })).status);
  } catch (error) {
    const message = `Failed to create pod sandbox: ${messageOf(error)}`;
    context.record(pod, 'Warning', 'FailedCreatePodSandBox', message);
    context.requeue(identityOf(pod).uid, retryMs);
    return undefined;
  }
}

/** Has the network know the pod by its address before anything runs at it. */
async function admit(
  context: KubeletContext,
  pod: Pod,
  sandbox: PodSandboxStatus,
): Promise<PodSandboxStatus> {
  const address = sandbox.network?.ip;
  if (address && !pod.spec?.hostNetwork && pod.status?.podIP !== address) await context.admit(pod, address);
  return sandbox;
}

/** What the runtime is told of a pod's sandbox, at its start and with each container in it. */
export function sandboxConfigOf(context: KubeletContext, pod: Pod, attempt: number): PodSandboxConfig {
  return renderSandbox({
    pod,
    attempt,
    podLogRoot: context.config.podLogRoot,
    cgroupParent: podCgroup(context.instance, identityOf(pod).uid, qosClassOf(pod)),
    dns: context.dns,
  });
}
