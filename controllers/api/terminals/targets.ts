import type { KindTable } from '@skyarc/lib/kube';
import type { TerminalContainer, TerminalContainerKind, TerminalTarget } from '../generated/resolvers.ts';

type Pod = KindTable['pods'];
type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** Pods that are not going away, ready ones first, with every container that could be entered. */
export function presentTargets(pods: readonly Pod[]): TerminalTarget[] {
  return pods
    .filter((pod) => !pod.metadata?.deletionTimestamp)
    .map((pod) => ({ pod: pod.metadata?.name ?? '', ready: isReady(pod), containers: containersOf(pod) }))
    .toSorted((left, right) => Number(right.ready) - Number(left.ready) || left.pod.localeCompare(right.pod));
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
}

/** The app's own container is the first one of the pod. */
function containersOf({ spec, status }: Pod): TerminalContainer[] {
  return [
    ...(spec?.containers ?? []).map((one, index) =>
      present(one, index === 0 ? 'MAIN' : 'SIDECAR', status?.containerStatuses),
    ),
    ...(spec?.initContainers ?? []).map((one) => {
      const kind = one.restartPolicy === 'Always' ? 'SIDECAR' : 'INIT';
      return present(one, kind, status?.initContainerStatuses);
    }),
    ...(spec?.ephemeralContainers ?? []).map((one) =>
      present(one, 'DEBUG', status?.ephemeralContainerStatuses),
    ),
  ];
}

function present(
  { name, image = '' }: { readonly name: string; readonly image?: string },
  kind: TerminalContainerKind,
  statuses: readonly Status[] | undefined,
): TerminalContainer {
  const state = statuses?.find((one) => one.name === name)?.state;
  return { name, kind, image, running: Boolean(state?.running) };
}
