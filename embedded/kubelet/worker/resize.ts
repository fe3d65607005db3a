import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@skyarc/lib/errors';
import { add, amountsOf, requestsOf } from '../../client/pod-resources.ts';
import { ensurePodCgroup, liftPodCgroup, podCgroup } from '../cgroup.ts';
import type { KubeletContext } from '../context.ts';
import type { ContainerStatus } from '../cri/types.ts';
import { hasEnded, identityOf, isSidecar, qosClassOf, specOf, type Pod, type PodContainer } from '../pod.ts';
import { isRunning, newestOf, type PodRuntime } from '../pod-runtime.ts';
import { containerAnnotations } from '../render/container.ts';
import { renderPodResources, renderResources } from '../render/resources.ts';
import { noteMemoryLimit } from '../termination-message.ts';

type Resources = NonNullable<PodContainer['resources']>;

/** Conditions of a pod that tell of a change of its resources (KEP-1287). */
export const resizeConditions = ['PodResizePending', 'PodResizeInProgress'] as const;

/** Why a pod has not the resources that its object names: it cannot have them, or not yet, or giving them failed. */
export interface ResizeHindrance {
  readonly type: (typeof resizeConditions)[number];
  readonly reason: 'Infeasible' | 'Deferred' | 'Error';
  readonly message: string;
}

const retryMs = 5_000;

/** Gives one pod's running containers the cpu and memory that its object names, without a restart. */
export class PodResizer {
  private readonly context: KubeletContext;
  /** By container id, since this process began. */
  private readonly given = new Map<string, Resources>();
  private found: ResizeHindrance | undefined;

  constructor(context: KubeletContext) {
    this.context = context;
  }

  get hindrance(): ResizeHindrance | undefined {
    return this.found;
  }

  /** What a run has; undefined for one of which that is not known: it was made by an older version. */
  resourcesOf(pod: Pod, { id, annotations }: ContainerStatus): Resources | undefined {
    const given = this.given.get(id);
    if (given) return given;
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const told = [...initContainerStatuses, ...containerStatuses].find(
      ({ containerID }) => containerID === `containerd://${id}`,
    )?.resources;
    if (told) return told;
    const made = annotations[containerAnnotations.resources];
    return made === undefined ? undefined : (JSON.parse(made) as Resources);
  }

  /** Never throws; what stands in its way is its `hindrance`, and is tried again. */
  async bring(pod: Pod, runtime: PodRuntime): Promise<void> {
    const due = this.dueContainers(pod, runtime);
    if (due.length === 0) {
      this.found = undefined;
      return;
    }
    this.found = await this.findHindrance(pod, due);
    if (!this.found) await this.resize(pod, due);
    if (this.found && this.found.reason !== 'Infeasible') this.context.requeue(identityOf(pod).uid, retryMs);
  }

  private dueContainers(pod: Pod, runtime: PodRuntime): Due[] {
    const containers = [...(specOf(pod).initContainers ?? []).filter(isSidecar), ...specOf(pod).containers];
    return containers.flatMap((container) => {
      const newest = newestOf(runtime, container.name);
      if (!newest || !isRunning(newest)) return [];
      const has = this.resourcesOf(pod, newest);
      const wants = container.resources ?? {};
      return has && isSame(has, wants) ? [] : [{ container, run: newest, has, wants }];
    });
  }

  /** Whether the node has what the pod wants more. */
  private async findHindrance(pod: Pod, due: readonly Due[]): Promise<ResizeHindrance | undefined> {
    const { node, client } = this.context;
    const wanted = requestsOf(pod);
    const before = requestsOf(withResources(pod, due));
    const room: Record<string, number> = { cpu: node.cpus * 1_000, memory: node.memoryBytes };
    const more = Object.keys(room).filter((name) => (wanted[name] ?? 0) > (before[name] ?? 0));
    if (more.length === 0) return undefined;
    const impossible = more.find((name) => (wanted[name] ?? 0) > (room[name] ?? 0));
    const type = 'PodResizePending';
    if (impossible) {
      return { type, reason: 'Infeasible', message: `Node didn't have enough capacity: ${impossible}` };
    }
    const taken: Record<string, number> = {};
    const { items } = await client.list('pods', { fieldSelector: `spec.nodeName=${node.name}` });
    for (const each of items) {
      if (!hasEnded(each) && each.metadata?.uid !== pod.metadata?.uid) add(taken, requestsOf(each));
    }
    const late = more.find((name) => (wanted[name] ?? 0) + (taken[name] ?? 0) > (room[name] ?? 0));
    return late
      ? { type, reason: 'Deferred', message: `Node didn't have enough resource: ${late}` }
      : undefined;
  }

  private async resize(pod: Pod, due: readonly Due[]): Promise<void> {
    const { context } = this;
    const cgroup = podCgroup(context.instance, identityOf(pod).uid, qosClassOf(pod));
    try {
      await liftPodCgroup(cgroup);
      for (const { container, run, wants } of due) {
        const linux = renderResources(pod, container, context.node.memoryBytes);
        const memorySwapLimitInBytes = linux.memoryLimitInBytes ?? 0;
        await context.cri.call('UpdateContainerResources', {
          containerId: run.id,
          linux: { ...linux, oomScoreAdj: 0, memorySwapLimitInBytes },
        });
        this.given.set(run.id, wants);
        await noteMemoryLimit(run, wants.limits?.['memory']);
      }
    } catch (error) {
      const message = `Cannot resize the container: ${messageOf(error)}`;
      this.found = { type: 'PodResizeInProgress', reason: 'Error', message };
      context.record(pod, 'Warning', 'ResizeError', message);
    } finally {
      const { maxPidsPerPod: maxPids } = context.config;
      const bounded = this.found ? withResources(pod, due) : pod;
      await ensurePodCgroup(cgroup, { maxPids, ...renderPodResources(bounded) });
    }
    if (!this.found && due.some(({ has }) => has)) {
      const text = due.map(({ container, wants }) => `${container.name} ${JSON.stringify(wants)}`).join(', ');
      context.record(pod, 'Normal', 'ResizeCompleted', `Pod resize completed: ${text}`);
    }
  }
}

interface Due {
  readonly container: PodContainer;
  readonly run: ContainerStatus;
  readonly has: Resources | undefined;
  readonly wants: Resources;
}

/** The pod as it was before containers got what they want. */
function withResources(pod: Pod, due: readonly Due[]): Pod {
  const old = (container: PodContainer): PodContainer => {
    const found = due.find((each) => each.container.name === container.name);
    return found?.has ? { ...container, resources: found.has } : container;
  };
  const spec = specOf(pod);
  return {
    ...pod,
    spec: {
      ...spec,
      containers: spec.containers.map(old),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(old) } : {}),
    },
  };
}

/** The same amounts, however they are written. */
function isSame(left: Resources, right: Resources): boolean {
  const of = ({ limits, requests }: Resources): object[] => [amountsOf(limits), amountsOf(requests)];
  return isDeepStrictEqual(of(left), of(right));
}
