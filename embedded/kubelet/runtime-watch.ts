import { sleep } from '@skyarc/lib/retry';
import type { CriClient } from './cri/client.ts';
import type { PodSandbox } from './cri/types.ts';
import type { PodIdentity } from './pod.ts';
import { podLabels } from './render/sandbox.ts';

const lagCheckMs = 25;
const maxLagChecks = 80;

export interface RuntimeWatchOptions {
  readonly cri: CriClient;
  readonly signal: AbortSignal;
  readonly podUids: () => Iterable<string>;
  readonly isKnown: (podUid: string) => boolean;
  /** Something of the pod has changed in the runtime. */
  readonly onChange: (podUid: string) => void;
  /** The runtime has a sandbox of a pod that nobody has known for two looks. */
  readonly onOrphan: (pod: PodIdentity) => void;
}

/** Notices what happens to pods in the runtime, by its events and, since those may be lost, by lists. */
export class RuntimeWatch {
  private readonly options: RuntimeWatchOptions;
  /** Sandboxes without a pod in the API at the last look. */
  private orphans = new Set<string>();
  /** Of the runtime at the last relist, by pod uid. */
  private lastStates: ReadonlyMap<string, string> = new Map();

  constructor(options: RuntimeWatchOptions) {
    this.options = options;
  }

  /** An event names a container or a sandbox: its labels tell the pod. */
  onEvent(id: string, topic: string): void {
    // A lost event costs time only: the relist finds what it would have told.
    this.follow(id, topic).catch(() => undefined);
  }

  /** Compares what the runtime has with the last look, and names the pods that differ. */
  async relist(): Promise<void> {
    const [{ items }, { containers }] = await Promise.all([
      this.options.cri.call('ListPodSandbox', {}),
      this.options.cri.call('ListContainers', {}),
    ]);
    const states = new Map<string, string>();
    // The runtime lists in no order.
    const all = [...items, ...containers].sort((left, right) => (left.id < right.id ? -1 : 1));
    for (const { id, state, labels } of all) {
      const uid = labels[podLabels.uid] ?? '';
      states.set(uid, `${states.get(uid) ?? ''} ${id}=${state}`);
    }
    for (const uid of this.options.podUids())
      if (states.get(uid) !== this.lastStates.get(uid)) this.options.onChange(uid);
    this.lastStates = states;
    this.findOrphans(items);
  }

  private async follow(id: string, topic: string): Promise<void> {
    const { cri, signal, isKnown, onChange } = this.options;
    // containerd tells of an end before CRI shows it.
    for (let attempt = 0; attempt < maxLagChecks && !signal.aborted; attempt += 1) {
      const { containers } = await cri.call('ListContainers', { filter: { id } });
      const { items } = containers[0] ? { items: [] } : await cri.call('ListPodSandbox', { filter: { id } });
      const uid = (containers[0] ?? items[0])?.labels[podLabels.uid];
      if (!uid || !isKnown(uid)) return;
      const state = containers[0]?.state ?? items[0]?.state;
      const isLagging =
        topic === '/tasks/exit' && (state === 'CONTAINER_RUNNING' || state === 'SANDBOX_READY');
      if (!isLagging) {
        onChange(uid);
        return;
      }
      await sleep(lagCheckMs);
    }
  }

  /** Sandboxes of pods that went away while nobody watched. */
  private findOrphans(items: readonly PodSandbox[]): void {
    const { isKnown, onOrphan } = this.options;
    const found = items.filter(({ metadata }) => metadata.uid !== '' && !isKnown(metadata.uid));
    const seenTwice = found.filter(({ id }) => this.orphans.has(id));
    this.orphans = new Set(found.map(({ id }) => id));
    for (const { metadata } of seenTwice) if (!isKnown(metadata.uid)) onOrphan(metadata);
  }
}
