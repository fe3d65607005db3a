import { messageOf } from '@skyarc/lib/errors';
import { compareResourceVersions } from '../client/store.ts';
import { podCgroup, limitPids, removeCgroup } from './cgroup.ts';
import { podTitle, restartDelayMs, startContainer } from './container-starter.ts';
import type { KubeletContext } from './context.ts';
import type { ContainerStatus, Image, PodSandboxConfig, PodSandboxStatus } from './cri/types.ts';
import { WaitingError, type PullHooks } from './images.ts';
import { runHook } from './lifecycle-hooks.ts';
import {
  allContainersOf,
  hasEnded,
  identityOf,
  isSidecar,
  specOf,
  type Pod,
  type PodContainer,
} from './pod.ts';
import { endOf, removeOldRuns, shouldRestart, stopContainer, stopPod } from './pod-terminator.ts';
import {
  isRunning,
  newestOf,
  readySandboxOf,
  runningContainersOf,
  timeOf,
  type PodRuntime,
} from './pod-runtime.ts';
import { renderSandbox } from './render/sandbox.ts';
import { renderPodStatus, type ContainerFacts } from './render/status.ts';
import { ensureVolumes, removeMounted } from './volumes/index.ts';

/** Config volumes are renewed this often. */
const renewVolumesMs = 60_000;
/** What a pod that was removed without grace still gets. */
const forcedGraceMs = 1_000;

interface Pull {
  image?: Image;
  error?: WaitingError;
  retryAt: number;
}

/**
 * Brings one pod to where its object says it should be. `sync` looks at everything anew each time, so it
 * may be called at any moment and after any crash; it never waits for a pull, a hook or a grace time:
 * those run beside it and call it again when they are done.
 */
export class PodWorker {
  private readonly context: KubeletContext;
  private pod: Pod;
  /** The object is deleted, or this pod was never in the API. */
  private isGone = false;
  private isFinished = false;
  private readonly aborting = new AbortController();
  private readonly pulls = new Map<string, Pull>();
  private readonly waiting = new Map<string, { reason: string; message: string }>();
  private readonly stopping = new Set<string>();
  private readonly inPostStart = new Set<string>();
  private ending: 'no' | 'running' | 'done' = 'no';
  private volumesRenewedAt = 0;
  /** When a removal without grace was seen, in milliseconds since 1970. */
  private forcedAt = 0;
  private volumes: ReadonlyMap<string, string> = new Map();

  constructor(context: KubeletContext, pod: Pod) {
    this.context = context;
    this.pod = pod;
  }

  get uid(): string {
    return identityOf(this.pod).uid;
  }

  /** Nothing of the pod is left on the node. */
  get isDone(): boolean {
    return this.isFinished;
  }

  /** A newer version of the pod's object. */
  update(pod: Pod): void {
    if (compareResourceVersions(pod.metadata?.resourceVersion, this.pod.metadata?.resourceVersion) < 0)
      return;
    this.pod = pod;
    if (pod.metadata?.deletionTimestamp) this.aborting.abort();
  }

  /** The pod's object is gone from the API: end what is left of it. */
  remove(): void {
    this.isGone = true;
    this.aborting.abort();
  }

  async sync(): Promise<void> {
    if (this.isFinished) return;
    const runtime = await this.context.reader.read(this.uid);
    if (this.isGone || this.pod.metadata?.deletionTimestamp) await this.syncEnding(runtime);
    else if (hasEnded(this.pod)) await this.syncEnded(runtime);
    else await this.syncRunning(runtime);
  }

  // -- ending ---------------------------------------------------------------------------------------

  private async syncEnding(runtime: PodRuntime): Promise<void> {
    if (this.ending === 'no') {
      this.ending = 'running';
      this.stopProbes(runtime);
      void stopPod(this.context, this.pod, runtime, () => this.deadlineMs())
        .then(() => (this.ending = 'done'))
        .catch((error: unknown) => {
          if (this.context.signal.aborted) return;
          this.ending = 'no';
          this.context.log.warn({ pod: podTitle(this.pod), reason: messageOf(error) }, 'cannot end pod yet');
        })
        .finally(() => this.context.requeue(this.uid, this.ending === 'done' ? 0 : 1_000));
    }
    if (!this.isGone) await this.writeStatus(runtime);
    if (this.ending === 'done') await this.cleanUp(runtime);
  }

  private deadlineMs(): number {
    const deletedAt = this.pod.metadata?.deletionTimestamp;
    if (!this.isGone && deletedAt) return Date.parse(deletedAt);
    this.forcedAt ||= Date.now();
    return this.forcedAt + forcedGraceMs;
  }

  /** Frees everything of the pod but its logs, then lets its object go. */
  private async cleanUp(runtime: PodRuntime): Promise<void> {
    const { namespace, name, uid } = identityOf(this.pod);
    for (const status of [...runtime.containers.values()].flat()) {
      await this.context.cri.call('RemoveContainer', { containerId: status.id });
      this.context.reader.forgetContainer(status.id);
    }
    for (const { id } of runtime.sandboxes)
      await this.context.cri.call('RemovePodSandbox', { podSandboxId: id });
    await removeMounted(this.context.podFolder(this.pod));
    await removeCgroup(podCgroup(this.context.instance, uid));
    this.context.images.forget(uid);
    if (!this.isGone)
      await this.context.client.delete('pods', name, namespace, { gracePeriodSeconds: 0, uid });
    this.isFinished = true;
  }

  /** Succeeded or failed for good: the sandbox goes, the containers stay for their logs. */
  private async syncEnded(runtime: PodRuntime): Promise<void> {
    this.stopProbes(runtime);
    for (const { id, state } of runtime.sandboxes) {
      if (state === 'SANDBOX_READY') await this.context.cri.call('StopPodSandbox', { podSandboxId: id });
    }
  }

  // -- running --------------------------------------------------------------------------------------

  private async syncRunning(before: PodRuntime): Promise<void> {
    const { pod, context } = this;
    const sandbox = await this.ensureSandbox(before);
    let runtime = before;
    if (sandbox) {
      const podIp = specOf(pod).hostNetwork ? context.node.address : (sandbox.network?.ip ?? '');
      const mayStart = await this.ensureVolumes(podIp);
      this.restartUnhealthy(before, podIp);
      if (mayStart && (await this.startContainers(before, sandbox)))
        runtime = await context.reader.read(this.uid);
      this.probeRunning(runtime, podIp);
    }
    await this.writeStatus(runtime);
    await removeOldRuns(context, runtime);
  }

  private async ensureVolumes(podIp: string): Promise<boolean> {
    const { pod, context } = this;
    const isRenewable = (specOf(pod).volumes ?? []).length > 0;
    if (isRenewable) context.requeue(this.uid, renewVolumesMs);
    if (this.volumesRenewedAt > 0 && Date.now() - this.volumesRenewedAt < renewVolumesMs - 1_000) return true;
    const { client, node, lookups } = context;
    const folder = `${context.podFolder(pod)}/volumes`;
    try {
      this.volumes = await ensureVolumes({ pod, podIp, client, node, lookups, folder });
      this.volumesRenewedAt = Date.now();
      return true;
    } catch (error) {
      context.record(pod, 'Warning', 'FailedMount', messageOf(error));
      context.requeue(this.uid, 2_000);
      return this.volumesRenewedAt > 0;
    }
  }

  /** The sandbox to run in; undefined when there is none and none is needed or possible now. */
  private async ensureSandbox(runtime: PodRuntime): Promise<PodSandboxStatus | undefined> {
    const { context, pod } = this;
    const ready = readySandboxOf(runtime);
    if (ready) return ready;
    const isNeeded = specOf(pod).containers.some((container) => {
      const newest = newestOf(runtime, container.name);
      return newest?.state !== 'CONTAINER_EXITED' || shouldRestart(pod, container, newest);
    });
    if (!isNeeded) return undefined;
    for (const { id } of runtime.sandboxes) await context.cri.call('StopPodSandbox', { podSandboxId: id });
    const config = this.sandboxConfig((runtime.sandboxes[0]?.metadata.attempt ?? -1) + 1);
    try {
      await limitPids(config.linux.cgroupParent, context.config.maxPidsPerPod);
      const { podSandboxId } = await context.cri.call('RunPodSandbox', { config });
      return (await context.cri.call('PodSandboxStatus', { podSandboxId })).status;
    } catch (error) {
      context.record(
        pod,
        'Warning',
        'FailedCreatePodSandBox',
        `Failed to create pod sandbox: ${messageOf(error)}`,
      );
      context.requeue(this.uid, 2_000);
      return undefined;
    }
  }

  private sandboxConfig(attempt: number): PodSandboxConfig {
    const { context, pod } = this;
    const cgroupParent = podCgroup(context.instance, this.uid);
    return renderSandbox({
      pod,
      attempt,
      podLogRoot: context.config.podLogRoot,
      cgroupParent,
      dns: context.dns,
    });
  }

  /** Starts what may run now, init containers one after the other; true when something was started. */
  private async startContainers(runtime: PodRuntime, sandbox: PodSandboxStatus): Promise<boolean> {
    const spec = specOf(this.pod);
    // A new sandbox, as after a reboot of the machine, is initialized anew; one that lives only once.
    const isOfSandbox = (status?: ContainerStatus) =>
      BigInt(status?.createdAt ?? 0) > BigInt(sandbox.createdAt);
    const wasInitialized = spec.containers.some(({ name }) => isOfSandbox(newestOf(runtime, name)));
    let didStart = false;
    for (const container of spec.initContainers ?? []) {
      const newest = newestOf(runtime, container.name);
      if (wasInitialized && !isSidecar(container)) continue;
      if (isSidecar(container)) {
        if (!isRunning(newest)) didStart = (await this.start(container, newest, sandbox)) || didStart;
        const isUp = isRunning(newest) && this.context.prober.healthOf(newest?.id ?? '')?.started === true;
        if (!isUp && !wasInitialized) return didStart;
        continue;
      }
      if (newest?.state === 'CONTAINER_EXITED' && newest.exitCode === 0 && isOfSandbox(newest)) continue;
      if (!isRunning(newest)) didStart = (await this.start(container, newest, sandbox)) || didStart;
      return didStart;
    }
    for (const container of spec.containers) {
      const newest = newestOf(runtime, container.name);
      if (!isRunning(newest)) didStart = (await this.start(container, newest, sandbox)) || didStart;
    }
    return didStart;
  }

  /** One start of one container, if its turn has come; why not is kept for the status. */
  private async start(
    container: PodContainer,
    newest: ContainerStatus | undefined,
    sandbox: PodSandboxStatus,
  ): Promise<boolean> {
    const { context, pod } = this;
    try {
      if (newest?.state === 'CONTAINER_EXITED') {
        const isOfEarlierSandbox = BigInt(newest.createdAt) < BigInt(sandbox.createdAt);
        if (!isOfEarlierSandbox && !shouldRestart(pod, container, newest)) {
          this.waiting.delete(container.name);
          return false;
        }
        this.refuseDuringBackoff(container, newest);
      } else if (newest) {
        // Created by a process that died before it could start it.
        await context.cri.call('RemoveContainer', { containerId: newest.id });
      }
      const image = this.requireImage(container);
      if (!image) return false;
      const previous = newest?.state === 'CONTAINER_EXITED' ? newest : undefined;
      const sandboxConfig = this.sandboxConfig(sandbox.metadata.attempt);
      const input = { pod, container, image, sandbox, sandboxConfig, volumes: this.volumes, previous };
      const containerId = await startContainer(context, input);
      this.pulls.delete(container.name);
      this.waiting.delete(container.name);
      this.runPostStart(container, containerId, sandbox.network?.ip ?? '');
      return true;
    } catch (error) {
      if (!(error instanceof WaitingError)) throw error;
      this.keepWaiting(container, error);
      return false;
    }
  }

  private keepWaiting(container: PodContainer, { reason, message, retryMs }: WaitingError): void {
    const isNew = this.waiting.get(container.name)?.reason !== reason;
    this.waiting.set(container.name, { reason, message });
    this.context.requeue(this.uid, retryMs);
    if (!isNew && reason !== 'CrashLoopBackOff') return;
    if (reason === 'CrashLoopBackOff') {
      const title = `${identityOf(this.pod).name}_${identityOf(this.pod).namespace}(${this.uid})`;
      if (isNew) {
        const text = `Back-off restarting failed container ${container.name} in pod ${title}`;
        this.context.record(this.pod, 'Warning', 'BackOff', text);
      }
    } else if (reason === 'ImagePullBackOff') {
      this.context.record(this.pod, 'Normal', 'BackOff', `Back-off pulling image "${container.image ?? ''}"`);
    } else this.context.record(this.pod, 'Warning', 'Failed', `Error: ${message}`);
  }

  private refuseDuringBackoff(container: PodContainer, ended: ContainerStatus): void {
    const delayMs = restartDelayMs(ended, this.context.config.crashBackoff);
    const leftMs = endOf(ended) + delayMs - Date.now();
    if (leftMs <= 0) return;
    const { name, namespace } = identityOf(this.pod);
    const wait = delayMs >= 60_000 ? `${delayMs / 60_000}m0s` : `${delayMs / 1_000}s`;
    const text = `back-off ${wait} restarting failed container=${container.name} pod=${name}_${namespace}(${this.uid})`;
    throw new WaitingError('CrashLoopBackOff', text, leftMs);
  }

  /** The container's image when it is there; else begins to bring it and answers undefined. */
  private requireImage(container: PodContainer): Image | undefined {
    const pull = this.pulls.get(container.name);
    if (pull?.image) return pull.image;
    if (pull?.error && pull.retryAt > Date.now()) throw pull.error;
    if (pull && !pull.error) return undefined;
    const started: Pull = { retryAt: Number.POSITIVE_INFINITY };
    this.pulls.set(container.name, started);
    void this.context.images
      .ensure(this.pod, container, this.pullHooks(container), this.aborting.signal)
      .then((image) => (started.image = image))
      .catch((error: unknown) => {
        started.error =
          error instanceof WaitingError ? error : new WaitingError('ErrImagePull', messageOf(error));
        started.retryAt = Date.now() + started.error.retryMs;
      })
      .finally(() => this.context.requeue(this.uid));
    return undefined;
  }

  private pullHooks(container: PodContainer): PullHooks {
    const record = (type: 'Normal' | 'Warning', reason: string, message: string) =>
      this.context.record(this.pod, type, reason, message);
    return {
      onPulling: (image) => record('Normal', 'Pulling', `Pulling image "${image}"`),
      onPulled: (image, tookMs, size) =>
        record(
          'Normal',
          'Pulled',
          `Successfully pulled image "${image}" in ${(tookMs / 1000).toFixed(3)}s. Image size: ${size} bytes.`,
        ),
      onPresent: (image) => {
        if (this.waiting.get(container.name)?.reason === 'CrashLoopBackOff') return;
        record('Normal', 'Pulled', `Container image "${image}" already present on machine`);
      },
      onFailed: (image, error) =>
        record('Warning', 'Failed', `Failed to pull image "${image}": ${error.message}`),
    };
  }

  private runPostStart(container: PodContainer, containerId: string, podIp: string): void {
    const handler = container.lifecycle?.postStart;
    if (!handler) return;
    this.inPostStart.add(containerId);
    void runHook(this.context.cri, handler, { container, containerId, podIp }, 600_000)
      .catch(async (error: unknown) => {
        this.context.record(
          this.pod,
          'Warning',
          'FailedPostStartHook',
          `PostStartHook failed: ${messageOf(error)}`,
        );
        await this.context.cri.call('StopContainer', { containerId, timeout: this.graceSeconds() });
      })
      .catch(() => undefined)
      .finally(() => {
        this.inPostStart.delete(containerId);
        this.context.requeue(this.uid);
      });
  }

  // -- health ---------------------------------------------------------------------------------------

  private probeRunning(runtime: PodRuntime, podIp: string): void {
    const { context, pod } = this;
    for (const container of allContainersOf(pod)) {
      const [newest, ...older] = runtime.containers.get(container.name) ?? [];
      for (const { id } of older) context.prober.stop(id);
      if (!newest || !isRunning(newest)) {
        if (newest) context.prober.stop(newest.id);
        continue;
      }
      const target = { container, containerId: newest.id, podIp };
      context.prober.ensure(target, timeOf(newest.startedAt), this.storedHealth(newest.id), {
        onChange: () => context.requeue(this.uid),
        onUnhealthy: (kind, message) => {
          const title = `${kind[0]?.toUpperCase() ?? ''}${kind.slice(1)}`;
          context.record(pod, 'Warning', 'Unhealthy', `${title} probe failed: ${message}`);
        },
      });
    }
  }

  /** What the stored status says of this very run: it was probed before this process began. */
  private storedHealth(containerId: string): { started: boolean; ready: boolean } | undefined {
    const { containerStatuses = [], initContainerStatuses = [] } = this.pod.status ?? {};
    const stored = [...containerStatuses, ...initContainerStatuses].find(
      (status) => status.containerID === `containerd://${containerId}`,
    );
    return stored ? { started: stored.started ?? false, ready: stored.ready } : undefined;
  }

  /** Ends containers whose startup or liveness probe has failed; they are restarted by policy. */
  private restartUnhealthy(runtime: PodRuntime, podIp: string): void {
    for (const status of runningContainersOf(runtime)) {
      const failure = this.context.prober.healthOf(status.id)?.failure;
      if (!failure || this.stopping.has(status.id)) continue;
      this.stopping.add(status.id);
      const { name } = status.metadata;
      const text = `Container ${name} failed ${failure.kind} probe, will be restarted`;
      this.context.record(this.pod, 'Normal', 'Killing', text);
      const deadline = Date.now() + (failure.graceSeconds ?? this.graceSeconds()) * 1_000;
      void stopContainer(this.context, this.pod, status, { podIp, deadlineMs: () => deadline })
        .catch((error: unknown) => {
          this.context.log.warn(
            { pod: podTitle(this.pod), reason: messageOf(error) },
            'cannot stop container',
          );
        })
        .finally(() => {
          this.stopping.delete(status.id);
          this.context.requeue(this.uid);
        });
    }
  }

  private graceSeconds(): number {
    return specOf(this.pod).terminationGracePeriodSeconds ?? 30;
  }

  private stopProbes(runtime: PodRuntime): void {
    for (const { id } of [...runtime.containers.values()].flat()) this.context.prober.stop(id);
  }

  // -- status ---------------------------------------------------------------------------------------

  private async writeStatus(runtime: PodRuntime): Promise<void> {
    const isTerminating = Boolean(this.pod.metadata?.deletionTimestamp);
    const facts = (container: PodContainer): ContainerFacts => {
      const newest = newestOf(runtime, container.name);
      const health = newest ? this.context.prober.healthOf(newest.id) : undefined;
      const stored = isTerminating && newest ? this.storedHealth(newest.id) : undefined;
      const isBusy = newest ? this.inPostStart.has(newest.id) : false;
      return {
        waiting: this.waiting.get(container.name),
        started: !isBusy && (health?.started ?? stored?.started ?? false),
        ready: !isBusy && (health?.ready ?? stored?.ready ?? false),
      };
    };
    const stored = await this.context.status.write(this.pod, (pod) =>
      renderPodStatus({
        pod,
        runtime,
        facts,
        hostIp: this.context.node.address,
        nowMs: Date.now(),
        isTerminating,
      }),
    );
    if (stored) this.pod = stored;
    else this.remove();
    if (hasEnded(this.pod) || this.isGone) this.context.requeue(this.uid);
  }
}
