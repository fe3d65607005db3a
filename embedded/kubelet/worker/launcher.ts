import { messageOf } from '@skyarc/lib/errors';
import { restartDelayMs, startContainer } from '../container-starter.ts';
import type { KubeletContext } from '../context.ts';
import type { ContainerStatus, PodSandboxStatus } from '../cri/types.ts';
import { WaitingError } from '../images.ts';
import { runHook } from '../lifecycle-hooks.ts';
import { graceSecondsOf, identityOf, type Pod, type PodContainer } from '../pod.ts';
import { endOf } from '../pod-runtime.ts';
import { PodPulls } from './pulls.ts';
import { sandboxConfigOf } from './sandbox.ts';
import { mayRunAgain } from './sequence.ts';

/** A postStart hook that never ends is given up after this. */
const postStartMs = 600_000;

export interface LaunchInput {
  readonly pod: Pod;
  readonly sandbox: PodSandboxStatus;
  readonly volumes: ReadonlyMap<string, string>;
}

/** Starts one pod's containers when image and back-off allow it, and remembers why not. */
export class ContainerLauncher {
  private readonly context: KubeletContext;
  private readonly pulls: PodPulls;
  private readonly waiting = new Map<string, { reason: string; message: string }>();
  private readonly inPostStart = new Set<string>();

  constructor(context: KubeletContext, signal: AbortSignal) {
    this.context = context;
    this.pulls = new PodPulls(context, signal);
  }

  /** Why a container has not been started (again). */
  waitingOf(container: string): { reason: string; message: string } | undefined {
    return this.waiting.get(container);
  }

  /** The run's postStart hook has not ended: it does not count as started yet. */
  isInPostStart(containerId: string): boolean {
    return this.inPostStart.has(containerId);
  }

  /** One start of one container, if its time has come; true when it was started. */
  async launch(
    input: LaunchInput,
    container: PodContainer,
    newest: ContainerStatus | undefined,
  ): Promise<boolean> {
    const { pod, sandbox } = input;
    try {
      if (newest?.state === 'CONTAINER_EXITED') {
        if (!mayRunAgain(pod, container, newest, sandbox)) {
          this.waiting.delete(container.name);
          return false;
        }
        this.refuseDuringBackoff(pod, container, newest);
      } else if (newest) {
        // Created by a process that died before it could start it.
        await this.context.cri.call('RemoveContainer', { containerId: newest.id });
      }
      const isQuiet = this.waiting.get(container.name)?.reason === 'CrashLoopBackOff';
      const image = this.pulls.find(pod, container, isQuiet);
      if (!image) return false;
      const previous = newest?.state === 'CONTAINER_EXITED' ? newest : undefined;
      const sandboxConfig = sandboxConfigOf(this.context, pod, sandbox.metadata.attempt);
      const containerId = await startContainer(this.context, {
        ...input,
        container,
        image,
        sandboxConfig,
        previous,
      });
      this.pulls.forget(container.name);
      this.waiting.delete(container.name);
      this.runPostStart(pod, container, containerId, sandbox.network?.ip ?? '');
      return true;
    } catch (error) {
      if (!(error instanceof WaitingError)) throw error;
      this.keepWaiting(pod, container, error);
      return false;
    }
  }

  private refuseDuringBackoff(pod: Pod, container: PodContainer, ended: ContainerStatus): void {
    const delayMs = restartDelayMs(ended, this.context.config.crashBackoff);
    const leftMs = endOf(ended) + delayMs - Date.now();
    if (leftMs <= 0) return;
    const wait = delayMs >= 60_000 ? `${delayMs / 60_000}m0s` : `${delayMs / 1_000}s`;
    const text = `back-off ${wait} restarting failed container=${container.name} pod=${longTitle(pod)}`;
    throw new WaitingError('CrashLoopBackOff', text, leftMs);
  }

  private keepWaiting(pod: Pod, container: PodContainer, error: WaitingError): void {
    const { reason, message, retryMs } = error;
    const isNew = this.waiting.get(container.name)?.reason !== reason;
    this.waiting.set(container.name, { reason, message });
    this.context.requeue(identityOf(pod).uid, retryMs);
    if (!isNew) return;
    if (reason === 'CrashLoopBackOff') {
      const text = `Back-off restarting failed container ${container.name} in pod ${longTitle(pod)}`;
      this.context.record(pod, 'Warning', 'BackOff', text);
    } else if (reason === 'ImagePullBackOff') {
      this.context.record(pod, 'Normal', 'BackOff', `Back-off pulling image "${container.image ?? ''}"`);
    } else this.context.record(pod, 'Warning', 'Failed', `Error: ${message}`);
  }

  private runPostStart(pod: Pod, container: PodContainer, containerId: string, podIp: string): void {
    const handler = container.lifecycle?.postStart;
    if (!handler) return;
    this.inPostStart.add(containerId);
    void runHook(this.context.cri, handler, { container, containerId, podIp }, postStartMs)
      .catch(async (error: unknown) => {
        const message = `PostStartHook failed: ${messageOf(error)}`;
        this.context.record(pod, 'Warning', 'FailedPostStartHook', message);
        await this.context.cri.call('StopContainer', { containerId, timeout: graceSecondsOf(pod) });
      })
      .catch(() => undefined)
      .finally(() => {
        this.inPostStart.delete(containerId);
        this.context.requeue(identityOf(pod).uid);
      });
  }
}

function longTitle(pod: Pod): string {
  const { name, namespace, uid } = identityOf(pod);
  return `${name}_${namespace}(${uid})`;
}
