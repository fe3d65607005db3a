import { labels, type OperationKind } from '@skyarc/lib/contracts';
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
  if (!facts.hasVersion) return { state: 'NEW', reason: facts.lastFailure };
  if (desired === 'STOPPED') return { state: 'STOPPED', reason: null };
  if (ready >= replicas) return { state: 'RUNNING', reason: null };
  const worst = pods.find((pod) => !pod.ready);
  const why = worst ? `; pod ${worst.name}: ${worst.status}${worst.lastEnd ? `, ${worst.lastEnd}` : ''}` : '';
  const reason = `${ready} of ${replicas} pods ${ready === 1 ? 'is' : 'are'} ready${why}`;
  return { state: ready > 0 ? 'DEGRADED' : 'FAILED', reason };
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
