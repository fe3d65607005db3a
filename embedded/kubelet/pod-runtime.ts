import { isNotFound } from '@skyarc/lib/errors';
import type { CriClient } from './cri/client.ts';
import type { ContainerStatus, PodSandboxStatus } from './cri/types.ts';
import { containerAnnotations } from './render/container.ts';
import { podLabels } from './render/sandbox.ts';
import { readTerminationMessage } from './termination-message.ts';

/** What the runtime has of one pod at one moment. */
export interface PodRuntime {
  /** Newest first. */
  readonly sandboxes: readonly PodSandboxStatus[];
  /** By container name, newest first. */
  readonly containers: ReadonlyMap<string, readonly ContainerStatus[]>;
}

/** The sandbox that containers run in, or undefined. */
export function readySandboxOf(runtime: PodRuntime): PodSandboxStatus | undefined {
  const newest = runtime.sandboxes[0];
  return newest?.state === 'SANDBOX_READY' ? newest : undefined;
}

export function newestOf(runtime: PodRuntime, container: string): ContainerStatus | undefined {
  return runtime.containers.get(container)?.[0];
}

export function isRunning(status: ContainerStatus | undefined): boolean {
  return status?.state === 'CONTAINER_RUNNING';
}

export function runningContainersOf(runtime: PodRuntime): ContainerStatus[] {
  return [...runtime.containers.values()].flat().filter(isRunning);
}

export function restartCountOf(status: ContainerStatus): number {
  return Number(status.annotations[containerAnnotations.restartCount] ?? status.metadata.attempt);
}

/** Milliseconds since 1970 of one of the runtime's times. */
export function timeOf(nanoseconds: string): number {
  return Number(BigInt(nanoseconds) / 1_000_000n);
}

/** When a container ended, in milliseconds since 1970. */
export function endOf(status: ContainerStatus): number {
  return timeOf(status.finishedAt);
}

/** Reads what the runtime has of pods; the end states of containers, which never change, are read once. */
export class RuntimeReader {
  private readonly cri: CriClient;
  private readonly ended = new Map<string, ContainerStatus>();

  constructor(cri: CriClient) {
    this.cri = cri;
  }

  /** Addresses of all pods that the engine knows, also of dead ones. */
  async listAddresses(): Promise<string[]> {
    const { items } = await this.cri.call('ListPodSandbox', {});
    const answers = await Promise.all(
      items.map(({ id }) => this.unlessGone(this.cri.call('PodSandboxStatus', { podSandboxId: id }))),
    );
    return answers.flatMap((answer) => answer?.status.network?.ip ?? []);
  }

  async read(podUid: string): Promise<PodRuntime> {
    const filter = { labelSelector: { [podLabels.uid]: podUid } };
    const [{ items }, { containers }] = await Promise.all([
      this.cri.call('ListPodSandbox', { filter }),
      this.cri.call('ListContainers', { filter }),
    ]);
    const sandboxes = await Promise.all(
      items.map(({ id }) => this.unlessGone(this.cri.call('PodSandboxStatus', { podSandboxId: id }))),
    );
    const statuses = await Promise.all(containers.map(({ id }) => this.readContainer(id)));
    const byName = new Map<string, ContainerStatus[]>();
    for (const status of statuses.filter((each) => each !== undefined)) {
      const name = status.labels[podLabels.container] ?? status.metadata.name;
      byName.set(name, [...(byName.get(name) ?? []), status]);
    }
    for (const list of byName.values()) list.sort((left, right) => newestFirst(left, right));
    return {
      sandboxes: sandboxes
        .flatMap((answer) => (answer ? [answer.status] : []))
        .sort((left, right) => newestFirst(left, right)),
      containers: byName,
    };
  }

  forgetContainer(id: string): void {
    this.ended.delete(id);
  }

  private async readContainer(id: string): Promise<ContainerStatus | undefined> {
    const known = this.ended.get(id);
    if (known) return known;
    const answer = await this.unlessGone(this.cri.call('ContainerStatus', { containerId: id }));
    if (answer?.status.state !== 'CONTAINER_EXITED') return answer?.status;
    const status = { ...answer.status, message: await readTerminationMessage(answer.status) };
    this.ended.set(id, status);
    return status;
  }

  private async unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function newestFirst(left: { createdAt: string }, right: { createdAt: string }): number {
  return left.createdAt === right.createdAt ? 0 : BigInt(left.createdAt) < BigInt(right.createdAt) ? 1 : -1;
}
