import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { ContainerStatus, Image, PodSandboxConfig, PodSandboxStatus } from './cri/types.ts';
import { WaitingError } from './images.ts';
import type { KubeletContext } from './context.ts';
import { identityOf, specOf, type EphemeralContainer, type Pod, type PodContainer } from './pod.ts';
import { endOf, isRunning, newestOf, restartCountOf, timeOf } from './pod-runtime.ts';
import { containerAnnotations, renderContainer } from './render/container.ts';
import { resolveEnvironment } from './render/environment.ts';
import { renderHosts } from './render/sandbox.ts';
import { renderMounts } from './volumes/index.ts';

export interface StartInput {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly image: Image;
  readonly sandbox: PodSandboxStatus;
  readonly sandboxConfig: PodSandboxConfig;
  readonly volumes: ReadonlyMap<string, string>;
  /** The run before this one, if any. */
  readonly previous: ContainerStatus | undefined;
}

/** A run that lasted this long ends the doubling of waits. */
const resetBackoffMs = 600_000;
const retryMs = 2_000;

/** How long to wait after a container's end before it may start again: nothing at first, then doubling. */
export function restartDelayMs(ended: ContainerStatus, backoff: { firstMs: number; maxMs: number }): number {
  const step = Number(ended.annotations[containerAnnotations.backoffStep] ?? 0);
  if (step === 0 || ranMsOf(ended) >= resetBackoffMs) return 0;
  return Math.min(backoff.maxMs, backoff.firstMs * 2 ** (step - 1));
}

function nextBackoffStep(previous: ContainerStatus | undefined): number {
  if (!previous) return 0;
  if (ranMsOf(previous) >= resetBackoffMs) return 1;
  return Number(previous.annotations[containerAnnotations.backoffStep] ?? 0) + 1;
}

function ranMsOf(ended: ContainerStatus): number {
  return endOf(ended) - timeOf(ended.startedAt);
}

/** Creates and starts one run of a container and answers its id. Throws WaitingError with Kubernetes' reason. */
export async function startContainer(context: KubeletContext, input: StartInput): Promise<string> {
  const { pod, container } = input;
  const request = await orWait('CreateContainerConfigError', () => renderRequest(context, input));
  const containerId = await orWait('CreateContainerError', async () => {
    const answer = await context.cri.call('CreateContainer', request);
    return answer.containerId;
  });
  context.record(pod, 'Normal', 'Created', `Created container: ${container.name}`);
  await orWait('RunContainerError', () => context.cri.call('StartContainer', { containerId }));
  context.record(pod, 'Normal', 'Started', `Started container ${container.name}`);
  return containerId;
}

async function renderRequest(context: KubeletContext, input: StartInput) {
  const { pod, container, sandbox, previous, volumes } = input;
  const podIp = specOf(pod).hostNetwork ? context.node.address : (sandbox.network?.ip ?? '');
  const { node, lookups, clusterEnvironment: inherited } = context;
  const environment = await resolveEnvironment({ pod, container, podIp, node, lookups, inherited });
  const mounts = await renderMounts(container, volumes, environment, specOf(pod).volumes);
  const attempt = previous ? restartCountOf(previous) + 1 : 0;
  const folder = join(context.podFolder(pod), 'containers', container.name);
  const terminationMessageFile = join(folder, String(attempt));
  await mkdir(folder, { recursive: true });
  // The app writes it under whatever user it has.
  await writeFile(terminationMessageFile, '', { mode: 0o666 });
  await mkdir(join(input.sandboxConfig.logDirectory, container.name), { recursive: true });
  if (!specOf(pod).hostNetwork && !mounts.some(({ containerPath }) => containerPath === '/etc/hosts')) {
    const hostsFile = join(context.podFolder(pod), 'etc-hosts');
    await writeFile(hostsFile, renderHosts(pod, podIp, context.dns.clusterDomain), { mode: 0o644 });
    mounts.push({ containerPath: '/etc/hosts', hostPath: hostsFile, readonly: false });
  }
  const config = renderContainer({
    pod,
    container,
    attempt,
    image: input.image,
    environment,
    mounts,
    terminationMessageFile,
    backoffStep: nextBackoffStep(previous),
    targetId: await findTarget(context, pod, container),
    nodeMemoryBytes: context.node.memoryBytes,
  });
  return { podSandboxId: sandbox.id, config, sandboxConfig: input.sandboxConfig };
}

/** The container whose processes an ephemeral container wants to see. */
async function findTarget(
  { reader }: KubeletContext,
  pod: Pod,
  container: EphemeralContainer,
): Promise<string | undefined> {
  const { targetContainerName: target } = container;
  if (!target) return undefined;
  const newest = newestOf(await reader.read(identityOf(pod).uid), target);
  if (newest && isRunning(newest)) return newest.id;
  throw new AppError('INVALID', `unable to find target container "${target}"`);
}

async function orWait<T>(reason: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new WaitingError(reason, messageOf(error), retryMs);
  }
}

/** Name of a pod for messages. */
export function podTitle(pod: Pod): string {
  const { namespace, name } = identityOf(pod);
  return `${namespace}/${name}`;
}
