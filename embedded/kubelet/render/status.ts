import type { ContainerStatus } from '../cri/types.ts';
import {
  formatTime,
  isSidecar,
  qosClassOf,
  specOf,
  type ContainerState,
  type Pod,
  type PodCondition,
  type PodContainer,
  type PodStatus,
} from '../pod.ts';
import {
  isRunning,
  readySandboxOf,
  restartCountOf,
  runningContainersOf,
  timeOf,
  type PodRuntime,
} from '../pod-runtime.ts';
import { evictionReason, type PodFailure } from '../worker/failure.ts';
import { resizeConditions, type ResizeHindrance } from '../worker/resize.ts';

type ContainerStatusOut = NonNullable<PodStatus['containerStatuses']>[number];

/** What the kubelet knows of a container beyond the runtime. */
export interface ContainerFacts {
  /** Why it has not been started (again), e.g. ImagePullBackOff, CrashLoopBackOff. */
  readonly waiting?: { reason: string; message: string };
  readonly started: boolean;
  readonly ready: boolean;
  /** What its run really has; what the pod's object says when absent. */
  readonly resources?: PodContainer['resources'];
}

export interface StatusInput {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly facts: (container: PodContainer) => ContainerFacts;
  readonly hostIp: string;
  readonly nowMs: number;
  /** The pod is being ended: containers that have ended stay so. */
  readonly isTerminating: boolean;
  /** Why the pod as a whole is being ended, if it is. */
  readonly failure?: PodFailure;
  /** Why it has not the resources that its object names. */
  readonly hindrance?: ResizeHindrance | undefined;
}

/** The status of a pod as Kubernetes defines it, from what the runtime has and probes have found. */
export function renderPodStatus(input: StatusInput): PodStatus {
  const { pod, runtime } = input;
  const spec = specOf(pod);
  const initContainers = spec.initContainers ?? [];
  const initStatuses = initContainers.map((container) => renderInitStatus(input, container));
  const isInitialized = initStatuses.every(({ ready }) => ready);
  const statuses = spec.containers.map((container) =>
    renderContainerStatus(input, container, isInitialized ? 'ContainerCreating' : 'PodInitializing'),
  );
  const phase = renderPhase(input, initStatuses, statuses);
  const ephemeral = (spec.ephemeralContainers ?? []).map((container) =>
    renderContainerStatus(input, container, 'ContainerCreating'),
  );
  const podIp = spec.hostNetwork ? input.hostIp : (readIp(runtime) ?? pod.status?.podIP);
  return {
    ...keptFields(pod),
    ...(phase === 'Failed' && input.failure
      ? { reason: input.failure.reason, message: input.failure.message }
      : {}),
    phase,
    conditions: renderConditions(input, { isInitialized, statuses, phase }),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(podIp ? { podIP: podIp, podIPs: [{ ip: podIp }] } : {}),
    startTime: pod.status?.startTime ?? formatTime(input.nowMs),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: pod.status?.qosClass ?? qosClassOf(pod),
  };
}

/** Address of the newest sandbox; it has none any more once it has stopped. */
function readIp(runtime: PodRuntime): string | undefined {
  return readySandboxOf(runtime)?.network?.ip || undefined;
}

/** Parts of the status that others write. */
function keptFields(pod: Pod): PodStatus {
  const { nominatedNodeName, reason, message, observedGeneration } = (pod.status ?? {}) as PodStatus & {
    observedGeneration?: number;
  };
  return JSON.parse(JSON.stringify({ nominatedNodeName, reason, message, observedGeneration })) as PodStatus;
}

function renderInitStatus(input: StatusInput, container: PodContainer): ContainerStatusOut {
  const status = renderContainerStatus(input, container, 'PodInitializing');
  if (isSidecar(container)) return { ...status, ready: status.started === true && status.ready };
  return { ...status, ready: status.state?.terminated?.exitCode === 0, started: false };
}

function renderContainerStatus(
  input: StatusInput,
  container: PodContainer,
  waitingReason: string,
): ContainerStatusOut {
  const history = input.runtime.containers.get(container.name) ?? [];
  const [newest, previous] = history;
  const facts = input.facts(container);
  const running = isRunning(newest);
  const state = renderState(newest, facts, waitingReason, input.isTerminating);
  const last = state.waiting && newest?.state === 'CONTAINER_EXITED' ? newest : previous;
  return {
    name: container.name,
    state,
    lastState: last?.state === 'CONTAINER_EXITED' ? { terminated: renderTerminated(last) } : {},
    ready: running && facts.started && facts.ready,
    started: running && facts.started,
    restartCount: newest ? restartCountOf(newest) : 0,
    image: container.image ?? '',
    imageID: newest?.imageRef ?? '',
    ...(newest ? { containerID: `containerd://${newest.id}` } : {}),
    ...(running && facts.resources
      ? { resources: facts.resources, allocatedResources: facts.resources.requests ?? {} }
      : {}),
  };
}

function renderState(
  newest: ContainerStatus | undefined,
  facts: ContainerFacts,
  waitingReason: string,
  isTerminating: boolean,
): ContainerState {
  if (isRunning(newest)) return { running: { startedAt: formatTime(timeOf(newest?.startedAt ?? '0')) } };
  if (facts.waiting && !isTerminating) return { waiting: facts.waiting };
  if (newest?.state === 'CONTAINER_EXITED') return { terminated: renderTerminated(newest) };
  return { waiting: { reason: waitingReason } };
}

function renderTerminated(status: ContainerStatus): NonNullable<ContainerState['terminated']> {
  const reason = status.reason || (status.exitCode === 0 ? 'Completed' : 'Error');
  return {
    exitCode: status.exitCode,
    // containerd says Unknown of a container whose end it has not seen.
    reason: reason === 'Unknown' ? 'ContainerStatusUnknown' : reason,
    ...(status.message ? { message: status.message } : {}),
    startedAt: formatTime(timeOf(status.startedAt)),
    finishedAt: formatTime(timeOf(status.finishedAt)),
    containerID: `containerd://${status.id}`,
  };
}

function renderPhase(
  input: StatusInput,
  initStatuses: readonly ContainerStatusOut[],
  statuses: readonly ContainerStatusOut[],
): string {
  const phase = judgePhase(input, initStatuses, statuses);
  const isTerminal = phase === 'Succeeded' || phase === 'Failed';
  // Side-cars and what is being ended keep a pod from having ended: who waits for that must find nothing running.
  if (isTerminal && runningContainersOf(input.runtime).length > 0)
    return input.pod.status?.phase ?? 'Running';
  return phase;
}

function judgePhase(
  { pod, isTerminating, failure }: StatusInput,
  initStatuses: readonly ContainerStatusOut[],
  statuses: readonly ContainerStatusOut[],
): string {
  if (failure) return 'Failed';
  const policy = specOf(pod).restartPolicy ?? 'Always';
  const isFinal = (status: ContainerStatusOut) =>
    status.state?.terminated !== undefined &&
    (isTerminating ||
      policy === 'Never' ||
      (policy === 'OnFailure' && status.state.terminated.exitCode === 0));
  const failedInit = initStatuses.some(
    (status, index) =>
      !isSidecar(specOf(pod).initContainers?.[index] as PodContainer) &&
      status.state?.terminated !== undefined &&
      status.state.terminated.exitCode !== 0 &&
      (policy === 'Never' || isTerminating),
  );
  if (failedInit) return 'Failed';
  if (statuses.length > 0 && statuses.every(isFinal)) {
    return statuses.every((status) => status.state?.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  const hasRun = statuses.some(
    (status) => status.state?.running ?? status.state?.terminated ?? status.lastState?.terminated,
  );
  const isWaitingForFirstRun = statuses.some(
    (status) => status.state?.waiting && !status.lastState?.terminated,
  );
  return hasRun && !isWaitingForFirstRun ? 'Running' : 'Pending';
}

interface ConditionInput {
  readonly isInitialized: boolean;
  readonly statuses: readonly ContainerStatusOut[];
  readonly phase: string;
}

interface Verdict {
  readonly type: string;
  readonly isTrue: boolean;
  readonly reason?: string;
  readonly message?: string;
}

/** The kubelet's conditions with the time of their last change, then those that others have set. */
function renderConditions(input: StatusInput, found: ConditionInput): PodCondition[] {
  const previous = input.pod.status?.conditions ?? [];
  const containersReady = judgeContainers(found);
  const verdicts: Verdict[] = [
    { type: 'PodReadyToStartContainers', isTrue: readySandboxOf(input.runtime) !== undefined },
    judgeInitialized(input.pod, found),
    judgeReady(input.pod, containersReady),
    containersReady,
    { type: 'PodScheduled', isTrue: true },
    ...judgeDisruption(input.failure),
    ...(input.hindrance ? [{ ...input.hindrance, isTrue: true }] : []),
  ];
  const rendered = verdicts.map(({ type, isTrue, reason, message }) => {
    const status = isTrue ? 'True' : 'False';
    const before = previous.find((condition) => condition.type === type);
    const isUnchanged = before?.status === status && before.lastTransitionTime;
    const lastTransitionTime = isUnchanged ? before.lastTransitionTime : formatTime(input.nowMs);
    return {
      type,
      status,
      lastTransitionTime,
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
    };
  });
  const own = new Set<string>([...verdicts.map(({ type }) => type), ...resizeConditions]);
  return [...rendered, ...previous.filter(({ type }) => !own.has(type))];
}

function judgeContainers({ statuses, phase }: ConditionInput): Verdict {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return { type, isTrue: false, reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, isTrue: false, reason: 'PodFailed' };
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { type, isTrue: true };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, isTrue: false, reason: 'ContainersNotReady', message };
}

function judgeReady(pod: Pod, containersReady: Verdict): Verdict {
  const gates = specOf(pod).readinessGates ?? [];
  const conditions = pod.status?.conditions ?? [];
  const closed = gates.find(
    ({ conditionType }) => conditions.find(({ type }) => type === conditionType)?.status !== 'True',
  );
  if (!containersReady.isTrue || !closed) return { ...containersReady, type: 'Ready' };
  const message = `corresponding condition of pod readiness gate "${closed.conditionType}" is not "True".`;
  return { type: 'Ready', isTrue: false, reason: 'ReadinessGatesNotReady', message };
}

function judgeInitialized(pod: Pod, { isInitialized, phase }: ConditionInput): Verdict {
  const type = 'Initialized';
  if (phase === 'Succeeded') return { type, isTrue: true, reason: 'PodCompleted' };
  if (isInitialized) return { type, isTrue: true };
  const names = (specOf(pod).initContainers ?? []).map(({ name }) => name);
  const message = `containers with incomplete status: [${names.join(' ')}]`;
  return { type, isTrue: false, reason: 'ContainersNotInitialized', message };
}

/** Told while an evicted pod is being ended, as by the kubelet's PodDisruptionConditions. */
function judgeDisruption(failure: PodFailure | undefined): Verdict[] {
  if (failure?.reason !== 'Evicted') return [];
  return [{ type: 'DisruptionTarget', isTrue: true, reason: evictionReason, message: failure.message }];
}
