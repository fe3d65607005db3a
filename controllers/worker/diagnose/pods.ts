import type { KindTable } from '@skyarc/lib/kube';
import { containerName } from '../render/pod.ts';
import { bytesOf } from '../render/quantities.ts';

export type Pod = KindTable['pods'];
type Container = NonNullable<Pod['spec']>['containers'][number];
type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

export type Trouble =
  'REFUSED' | 'UNSCHEDULABLE' | 'IMAGE_PULL' | 'CANNOT_START' | 'OUT_OF_MEMORY' | 'EXITED' | 'NOT_READY';

export interface Diagnosis {
  readonly trouble: Trouble;
  /** One sentence for a person: what is wrong and what to do. */
  readonly sentence: string;
  /** True when waiting longer cannot help; false while it may pass by itself. */
  readonly isSettled: boolean;
  /** True when a signal ended the app, as a failing startup probe does by way of the node. */
  readonly isBySignal?: boolean;
  /** True for a cause that was seen, such as a wrong port, and not only what a probe felt of it. */
  readonly isCause?: boolean;
}

const imageReasons = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ImageInspectError']);
const startReasons = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'StartError',
]);
/** A registry or node that is away for a moment is no reason to give up. */
const passingMs = { image: 20_000, registry: 120_000, start: 8_000, schedule: 30_000, begin: 20_000 };
/** How engines tell that a registry or its token service did not answer: the next try comes by itself, up to 40 s later. */
const awayPattern = /connection refused|connection reset|timeout|deadline exceeded|\bEOF\b|\b50[0-4] /i;
/** Crashes after which an app is not expected to recover by itself. */
const crashesEnough = 3;

export function isReady(pod: Pod): boolean {
  return (
    !pod.metadata?.deletionTimestamp &&
    (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')
  );
}

export function statusOf(pod: Pod): ContainerStatus | undefined {
  return (pod.status?.containerStatuses ?? []).find(({ name }) => name === containerName);
}

/** What keeps a pod from being ready, as far as its status tells; null when it is ready or on its way. */
export function diagnosePod(pod: Pod, nowMs: number): Diagnosis | null {
  if (isReady(pod) || pod.metadata?.deletionTimestamp) return null;
  const ageMs = nowMs - Date.parse(pod.metadata?.creationTimestamp ?? '');
  const status = statusOf(pod);
  const waiting = status?.state?.waiting;
  if (!status?.state || (waiting && !waiting.reason))
    return diagnoseSilence(pod, ageMs) ?? diagnoseScheduling(pod, ageMs);
  if (waiting?.reason && imageReasons.has(waiting.reason)) {
    const reason = waiting.message ?? waiting.reason;
    return {
      trouble: 'IMAGE_PULL',
      sentence: `The node cannot pull the image ${shortImage(pod)}: ${tidy(reason)}`,
      isSettled: ageMs > (awayPattern.test(reason) ? passingMs.registry : passingMs.image),
    };
  }
  if (waiting?.reason && startReasons.has(waiting.reason)) {
    return {
      trouble: 'CANNOT_START',
      sentence: startSentence(waiting.message ?? waiting.reason),
      isSettled: ageMs > passingMs.start,
    };
  }
  return diagnoseEnd(pod, status) ?? diagnoseScheduling(pod, ageMs);
}

/** How often the container ended; a running first life is 0. */
export function crashesOf(status: ContainerStatus): number {
  return status.restartCount + (status.state?.terminated ? 1 : 0);
}

function diagnoseEnd(pod: Pod, status: ContainerStatus): Diagnosis | null {
  const end = status.state?.terminated ?? status.lastState?.terminated;
  if (!end) return null;
  const isBackingOff = status.state?.waiting?.reason === 'CrashLoopBackOff';
  const crashes = crashesOf(status);
  const isSettled = crashes >= crashesEnough || (crashes >= 2 && isBackingOff);
  if (end.reason === 'OOMKilled') {
    return {
      trouble: 'OUT_OF_MEMORY',
      sentence: `The app was killed for using more than its memory limit of ${limitMb(pod)} MB; give it more memory`,
      isSettled,
    };
  }
  if (end.reason === 'StartError' || end.reason === 'ContainerCannotRun') {
    return { trouble: 'CANNOT_START', sentence: startSentence(end.message ?? end.reason), isSettled };
  }
  const isBySignal = signalOf(end.exitCode, end.signal) > 0;
  return { trouble: 'EXITED', sentence: exitSentence(end.exitCode, end.signal), isSettled, isBySignal };
}

/** A pod that has its node has a status within moments, whatever is still to be pulled or mounted. */
function diagnoseSilence(pod: Pod, ageMs: number): Diagnosis | null {
  const node = pod.spec?.nodeName;
  if (!node || statusOf(pod) || ageMs < passingMs.begin) return null;
  return {
    trouble: 'CANNOT_START',
    sentence: `Node "${node}" has not begun with the pod; see whether it is ready, or drain it`,
    isSettled: false,
  };
}

function diagnoseScheduling(pod: Pod, ageMs: number): Diagnosis | null {
  const condition = (pod.status?.conditions ?? []).find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  );
  if (!condition) return null;
  const { requests } = resourcesOf(pod);
  const missing = [
    /insufficient cpu/i.test(condition.message ?? '') ? `${millisOf(requests?.['cpu'])} millicores` : '',
    /insufficient memory/i.test(condition.message ?? '')
      ? `${megabytesOf(requests?.['memory'])} MB of memory`
      : '',
  ].filter(Boolean);
  const what =
    missing.length > 0
      ? `No node has room for a pod that reserves ${missing.join(' and ')}`
      : 'No node takes the pod';
  return {
    trouble: 'UNSCHEDULABLE',
    sentence: `${what} (${tidy(condition.message ?? 'no reason given')}); make it smaller, stop something else or add a node`,
    isSettled: ageMs > passingMs.schedule,
  };
}

function exitSentence(code: number, signal: number | undefined): string {
  if (code === 0) {
    return 'The app ended by itself with code 0; it must keep running to take requests';
  }
  if (code === 127) return 'The app exited with code 127: its command was not found in the image';
  if (code === 126) return 'The app exited with code 126: its command cannot be executed';
  const number = signalOf(code, signal);
  return number > 0
    ? `The app was ended by signal ${number} (exit code ${code})`
    : `The app exited with code ${code}`;
}

function signalOf(code: number, signal: number | undefined): number {
  return signal || (code > 128 ? code - 128 : 0);
}

function startSentence(message: string): string {
  if (/runAsNonRoot|run as root|non-numeric user/i.test(message)) {
    return 'The image runs as root, which apps may not; choose another user in it, e.g. by the line "USER 1000" at the end of its Dockerfile';
  }
  const command = /exec: "([^"]{1,200})"/.exec(message)?.[1];
  if (command && /not found|no such file/i.test(message)) {
    return `The command "${command}" is not in the image`;
  }
  if (command && /permission denied/i.test(message)) {
    return `The command "${command}" may not be executed: permission denied`;
  }
  if (/no command specified/i.test(message)) {
    return 'The image has no command to run; set one in the app or by CMD in its Dockerfile';
  }
  return `The container cannot start: ${tidy(message)}`;
}

function shortImage(pod: Pod): string {
  const image = pod.spec?.containers[0]?.image ?? '';
  return image.replace(/^[^/]+\//, '').replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+/, '$1');
}

/** Engine messages in one line of bearable length. */
function tidy(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}

function resourcesOf(pod: Pod): NonNullable<Container['resources']> {
  return (pod.spec?.containers ?? []).find(({ name }) => name === containerName)?.resources ?? {};
}

/** The limit in force, which is not the wanted one while a resize has to wait. */
function limitMb(pod: Pod): number {
  const { limits } = statusOf(pod)?.resources ?? resourcesOf(pod);
  return megabytesOf(limits?.['memory']);
}

function megabytesOf(quantity: string | undefined): number {
  return Math.round(bytesOf(quantity) / 2 ** 20);
}

function millisOf(quantity = '0'): number {
  return quantity.endsWith('m') ? Number.parseInt(quantity, 10) : Number(quantity) * 1_000;
}
