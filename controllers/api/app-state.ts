import { type ExternalState, labels, type OperationKind } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import type { AppState, Pod } from './generated/resolvers.ts';

/** What the state of an app is computed from. */
export interface StateFacts {
  readonly isDeleted: boolean;
  /** What its owner wants. */
  readonly desired: 'RUNNING' | 'STOPPED';
  readonly hasVersion: boolean;
  /** Pods wanted while it runs. */
  readonly replicas: number;
  /** The operation that changes it now. */
  readonly active: { readonly kind: OperationKind; readonly step: string | null } | null;
  readonly pods: readonly Pick<Pod, 'name' | 'status' | 'ready' | 'lastEnd'>[];
  /** Message of the last operation, when that failed. */
  readonly lastFailure: string | null;
  /** Health of a service outside, of which nothing runs here; null before it was asked. */
  readonly external?: ExternalState | null;
  /** The newest run of a job. */
  readonly lastRun?: { readonly status: string; readonly message: string | null } | null;
}

export interface StateAnswer {
  readonly state: AppState;
  readonly reason: string | null;
}

const stateWhile: Readonly<Partial<Record<OperationKind, AppState>>> = {
  DELETE: 'DELETING',
  STOP: 'STOPPING',
  START: 'STARTING',
};

/** One word for how an app is, and one sentence for why. */
export function appStateOf(facts: StateFacts): StateAnswer {
  const { active, desired, replicas } = facts;
  const pods = facts.pods.filter((pod) => pod.status !== 'Terminating');
  const ready = pods.filter((pod) => pod.ready).length;
  if (facts.isDeleted) return { state: 'DELETING', reason: null };
  if (active) {
    const state = stateWhile[active.kind] ?? (ready > 0 ? 'UPDATING' : 'STARTING');
    return { state, reason: sayActive(active) };
  }
  const isExternal = facts.external !== undefined;
  if (!facts.hasVersion && !isExternal) {
    return { state: facts.lastFailure === null ? 'NEW' : 'FAILED', reason: facts.lastFailure };
  }
  if (desired === 'STOPPED') return { state: 'STOPPED', reason: null };
  if (facts.external !== undefined) return externalStateOf(facts.external);
  if (facts.lastRun !== undefined) return jobStateOf(facts.lastRun);
  if (ready >= replicas) return { state: 'RUNNING', reason: null };
  const worst = pods.find((pod) => !pod.ready);
  const why = worst ? `; pod ${worst.name}: ${worst.status}${worst.lastEnd ? `, ${worst.lastEnd}` : ''}` : '';
  const reason = `${ready} of ${replicas} pods ${ready === 1 ? 'is' : 'are'} ready${why}`;
  return { state: ready > 0 ? 'DEGRADED' : 'FAILED', reason };
}

/** Endpoints that are not asked count as well. */
function externalStateOf(endpoints: ExternalState | null): StateAnswer {
  const sick = (endpoints ?? []).filter(({ healthy }) => healthy === false);
  const [first] = sick;
  if (!endpoints || !first) return { state: 'RUNNING', reason: null };
  const reason = `${sick.length} of ${endpoints.length} endpoints do not answer; ${first.host}:${first.port}: ${first.message ?? 'not healthy'}`;
  return { state: sick.length < endpoints.length ? 'DEGRADED' : 'FAILED', reason };
}

/** A job wants no pods between its runs; how the newest one ended is how it is. */
function jobStateOf(run: { readonly status: string; readonly message: string | null } | null): StateAnswer {
  if (run?.status !== 'FAILED') return { state: 'RUNNING', reason: null };
  return { state: 'FAILED', reason: `Its last run failed${run.message ? `: ${run.message}` : ''}` };
}

function sayActive({ kind, step }: NonNullable<StateFacts['active']>): string {
  const name = kind.charAt(0) + kind.slice(1).toLowerCase();
  return step ? `${name} is at ${step.toLowerCase().replace('_', ' ')}` : `${name} is waiting for its turn`;
}

/** A pod of Kubernetes as a person wants to see it. */
export function presentPod(pod: KindTable['pods']): Pod {
  const { metadata, spec, status } = pod;
  const containers = status?.containerStatuses ?? [];
  const held = containers.map((one) => one.state?.waiting?.reason).find((reason) => reason !== undefined);
  const ended = containers.map((one) => one.lastState?.terminated ?? one.state?.terminated).find(Boolean);
  return {
    name: metadata?.name ?? '',
    status: metadata?.deletionTimestamp
      ? 'Terminating'
      : (held ?? status?.reason ?? status?.phase ?? 'Unknown'),
    ready:
      !metadata?.deletionTimestamp &&
      (status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false),
    restarts: containers.reduce((sum, one) => sum + one.restartCount, 0),
    versionId: metadata?.labels?.[labels.versionId] ?? null,
    node: spec?.nodeName ?? null,
    startedAt: status?.startTime ? new Date(status.startTime) : null,
    lastEnd: ended ? sayEnd(ended) : null,
  };
}

function sayEnd(ended: { exitCode: number; reason?: string; message?: string }): string {
  if (ended.reason === 'OOMKilled') return 'it used more memory than its limit';
  const message = ended.message ? `: ${ended.message.split('\n', 1)[0]?.slice(0, 200)}` : '';
  return ended.exitCode > 128
    ? `it was ended by signal ${ended.exitCode - 128}${message}`
    : `it exited with code ${ended.exitCode}${message}`;
}
