import { compareResourceVersions } from '../client/store.ts';
import { removePodCgroup } from './cgroup.ts';
import type { KubeletContext } from './context.ts';
import type { ContainerStatus, PodSandboxStatus } from './cri/types.ts';
import { graceSecondsOf, hasEnded, identityOf, specOf, type Pod, type PodContainer } from './pod.ts';
import { removeOldRuns } from './pod-terminator.ts';
import { newestOf, runningContainersOf, type PodRuntime } from './pod-runtime.ts';
import { renderPodStatus, type ContainerFacts } from './render/status.ts';
import { removeMounted } from './volumes/index.ts';
import { PodEnding } from './worker/ending.ts';
import { deadlineLeftMs, evictionOf, findFailure, type PodFailure } from './worker/failure.ts';
import { PodHealth } from './worker/health.ts';
import { ContainerLauncher } from './worker/launcher.ts';
import { withLostContainers } from './worker/lost-containers.ts';
import { recordOutOfMemory } from './worker/out-of-memory.ts';
import { PodResizer } from './worker/resize.ts';
import { ensureSandbox } from './worker/sandbox.ts';
import { findStartable, isComplete } from './worker/sequence.ts';
import { PodVolumes } from './worker/volumes.ts';

/** What a pod that was removed without grace still gets. */
const forcedGraceMs = 1_000;

/**
 * Brings one pod to where its object says it should be. `sync` looks at everything anew each time, so it
 * may be called at any moment and after any crash; it never waits for a pull, a hook or a grace time:
 * those run beside it and call it again when they are done.
 */
export class PodWorker {
  private readonly context: KubeletContext;
  private readonly aborting = new AbortController();
  private readonly launcher: ContainerLauncher;
  private readonly health: PodHealth;
  private readonly volumes: PodVolumes;
  private readonly ending: PodEnding;
  private readonly resizer: PodResizer;
  private pod: Pod;
  /** The object is deleted, or this pod was never in the API. */
  private isGone = false;
  private isFinished = false;
  private failure: PodFailure | undefined;
  /** When this process saw that the pod is to end other than by deletion, in milliseconds since 1970. */
  private endSeenAt = 0;

  constructor(context: KubeletContext, pod: Pod) {
    this.context = context;
    this.pod = pod;
    this.launcher = new ContainerLauncher(context, this.aborting.signal);
    this.health = new PodHealth(context);
    this.volumes = new PodVolumes(context);
    this.ending = new PodEnding(context);
    this.resizer = new PodResizer(context);
  }

  get uid(): string {
    return identityOf(this.pod).uid;
  }

  /** The pod's object as this worker knows it. */
  get object(): Pod {
    return this.pod;
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

  /** Fails the pod for what it takes from the node; the next `sync` ends it. False when it is ending already. */
  evict(message: string): boolean {
    if (this.failure || this.isGone || hasEnded(this.pod)) return false;
    this.failure = evictionOf(message);
    return true;
  }

  async sync(): Promise<void> {
    if (this.isFinished) return;
    const runtime = await this.readRuntime();
    if (this.isGone || this.pod.metadata?.deletionTimestamp) return this.syncDeleted(runtime);
    if (hasEnded(this.pod)) return this.syncEnded(runtime);
    this.failure ??= findFailure(this.pod, Date.now());
    if (this.failure || isComplete(this.pod, runtime)) return this.syncEnding(runtime);
    await this.syncRunning(runtime);
  }

  private async readRuntime(): Promise<PodRuntime> {
    return withLostContainers(this.pod, await this.context.reader.read(this.uid));
  }

  private async syncRunning(before: PodRuntime): Promise<void> {
    const { pod, context } = this;
    const deadlineMs = deadlineLeftMs(pod, Date.now());
    if (deadlineMs !== undefined) context.requeue(this.uid, deadlineMs);
    const sandbox = await ensureSandbox(context, pod, before);
    let runtime = before;
    if (sandbox) {
      const podIp = specOf(pod).hostNetwork ? context.node.address : (sandbox.network?.ip ?? '');
      const volumes = await this.volumes.ensure(pod, podIp);
      this.health.follow(pod, runtime, podIp);
      this.health.restartUnhealthy(pod, runtime, podIp);
      if (volumes) {
        while (await this.startDue(runtime, sandbox, volumes)) {
          runtime = await this.readRuntime();
          this.health.follow(pod, runtime, podIp);
        }
      }
    }
    await this.resizer.bring(pod, runtime);
    await this.writeStatus(runtime);
    await removeOldRuns(context, runtime);
  }

  /** Starts the containers whose turn it is; true when one was started. */
  private async startDue(
    runtime: PodRuntime,
    sandbox: PodSandboxStatus,
    volumes: ReadonlyMap<string, string>,
  ): Promise<boolean> {
    const { pod, context, launcher } = this;
    const isUp = ({ id }: ContainerStatus) =>
      !launcher.isInPostStart(id) && context.prober.healthOf(id)?.started === true;
    let didStart = false;
    for (const container of findStartable(pod, runtime, sandbox, isUp)) {
      const newest = newestOf(runtime, container.name);
      const isStarted = await launcher.launch({ pod, sandbox, volumes }, container, newest);
      didStart ||= isStarted;
    }
    return didStart;
  }

  /** All main containers have ended for good, or the pod has failed as a whole: ends what still runs. */
  private async syncEnding(runtime: PodRuntime): Promise<void> {
    this.aborting.abort();
    // An eviction is told before it is done, so that a later process goes on with it.
    await this.writeStatus(runtime);
    if (runningContainersOf(runtime).length > 0) this.beginEnding(runtime);
  }

  /** Succeeded or failed for good: sandbox and volumes go, the containers stay for their logs. */
  private async syncEnded(runtime: PodRuntime): Promise<void> {
    // Stopping a sandbox twice at once confuses the network plug-in.
    if (this.ending.isRunning) return;
    this.health.stop(runtime);
    for (const { id, state } of runtime.sandboxes) {
      if (state === 'SANDBOX_READY') await this.context.cri.call('StopPodSandbox', { podSandboxId: id });
    }
    await removeMounted(`${this.context.podFolder(this.pod)}/volumes`);
  }

  private async syncDeleted(runtime: PodRuntime): Promise<void> {
    this.beginEnding(runtime);
    if (!this.isGone) await this.writeStatus(runtime);
    if (this.ending.isDone) await this.cleanUp(runtime);
  }

  private beginEnding(runtime: PodRuntime): void {
    this.health.stopDemanding(runtime);
    this.ending.begin(this.pod, runtime, () => this.deadlineMs());
  }

  private deadlineMs(): number {
    const deletedAt = this.pod.metadata?.deletionTimestamp;
    if (!this.isGone && deletedAt) {
      const evictedAt =
        this.failure?.graceMs === undefined ? Infinity : this.endSeenAt + this.failure.graceMs;
      return Math.min(Date.parse(deletedAt), evictedAt);
    }
    this.endSeenAt ||= Date.now();
    const graceMs = this.isGone ? forcedGraceMs : (this.failure?.graceMs ?? graceSecondsOf(this.pod) * 1_000);
    return this.endSeenAt + graceMs;
  }

  /** Frees everything of the pod but its logs, then lets its object go. */
  private async cleanUp(runtime: PodRuntime): Promise<void> {
    const { namespace, name, uid } = identityOf(this.pod);
    this.health.stop(runtime);
    for (const status of [...runtime.containers.values()].flat()) {
      await this.context.cri.call('RemoveContainer', { containerId: status.id });
      this.context.reader.forgetContainer(status.id);
    }
    for (const { id } of runtime.sandboxes)
      await this.context.cri.call('RemovePodSandbox', { podSandboxId: id });
    await removeMounted(this.context.podFolder(this.pod));
    await removePodCgroup(this.context.instance, uid);
    this.context.images.forget(uid);
    if (!this.isGone)
      await this.context.client.delete('pods', name, namespace, { gracePeriodSeconds: 0, uid });
    this.isFinished = true;
  }

  private async writeStatus(runtime: PodRuntime): Promise<void> {
    const before = this.pod;
    const isTerminating = Boolean(before.metadata?.deletionTimestamp ?? this.failure);
    const facts = (container: PodContainer): ContainerFacts => {
      const newest = newestOf(runtime, container.name);
      const isBusy = newest ? this.launcher.isInPostStart(newest.id) : false;
      const { started, ready } = this.health.of(before, runtime, container);
      const waiting = this.launcher.waitingOf(container.name);
      const resources = newest && this.resizer.resourcesOf(before, newest);
      return { waiting, started: !isBusy && started, ready: !isBusy && ready, resources };
    };
    const { failure } = this;
    const { hindrance } = this.resizer;
    const hostIp = this.context.node.address;
    const stored = await this.context.status.write(before, (pod) =>
      renderPodStatus({ pod, runtime, facts, hostIp, nowMs: Date.now(), isTerminating, failure, hindrance }),
    );
    if (stored) {
      recordOutOfMemory(this.context, before, stored);
      this.pod = stored;
    } else this.remove();
    if (hasEnded(this.pod) || this.isGone) this.context.requeue(this.uid);
  }
}
