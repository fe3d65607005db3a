import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { Gauge, type Registry } from 'prom-client';
import type { ClusterState } from './cluster-state.ts';

type Values = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

/** A gauge whose values are made anew at each scrape. */
export function gaugeOf(
  registry: Registry,
  about: { readonly name: string; readonly help: string; readonly labelNames: readonly string[] },
  read: () => Values | Promise<Values>,
): void {
  const gauge = new Gauge({
    ...about,
    registers: [registry],
    async collect() {
      const values = await read();
      gauge.reset();
      for (const [own, value] of values) gauge.set(own, value);
    },
  });
}

/** What Kubernetes says of apps and nodes, by kube-state-metrics' names where it has one. */
export function registerClusterMetrics(registry: Registry, state: ClusterState): void {
  const pods = () => state.pods.list().filter(({ metadata }) => metadata?.labels?.[labels.appId]);
  const podLabels = ['namespace', 'pod'];
  const appLabels = ['namespace', 'app', 'app_name', 'team'];
  gaugeOf(
    registry,
    {
      name: 'skyarc_pod_info',
      help: 'App, team and node of a pod',
      labelNames: [...podLabels, 'app', 'app_name', 'team', 'node'],
    },
    () => pods().map((pod) => [{ ...placeOf(pod), ...appOf(pod), node: pod.spec?.nodeName ?? '' }, 1]),
  );
  gaugeOf(
    registry,
    {
      name: 'skyarc_ingress_info',
      help: 'App and team of an Ingress',
      labelNames: [...appLabels, 'ingress'],
    },
    () =>
      state.ingresses
        .list()
        .map((one) => [{ namespace: namespaceOf(one), ingress: one.metadata?.name ?? '', ...appOf(one) }, 1]),
  );
  gaugeOf(
    registry,
    {
      name: 'kube_pod_status_phase',
      help: 'Phase of a pod',
      labelNames: [...podLabels, 'phase'],
    },
    () => pods().map((pod) => [{ ...placeOf(pod), phase: pod.status?.phase ?? 'Unknown' }, 1]),
  );
  gaugeOf(
    registry,
    {
      name: 'kube_pod_container_status_restarts_total',
      help: 'How often a container was started again',
      labelNames: [...podLabels, 'container'],
    },
    () =>
      pods().flatMap((pod) =>
        statusesOf(pod).map(
          ({ name, restartCount }) => [{ ...placeOf(pod), container: name }, restartCount] as const,
        ),
      ),
  );
  gaugeOf(
    registry,
    {
      name: 'kube_pod_container_status_waiting_reason',
      help: 'Why a container does not run',
      labelNames: [...podLabels, 'container', 'reason'],
    },
    () =>
      pods().flatMap((pod) =>
        statusesOf(pod).flatMap(({ name, state: { waiting } = {} }) =>
          waiting?.reason ? [[{ ...placeOf(pod), container: name, reason: waiting.reason }, 1] as const] : [],
        ),
      ),
  );
  for (const [name, help, read] of replicaGauges) {
    gaugeOf(registry, { name, help, labelNames: appLabels }, () =>
      [...state.deployments.list(), ...state.statefulSets.list()]
        // A candidate of a grey release is not what the app is.
        .filter(({ metadata }) => !metadata?.labels?.[labels.track])
        .map((one) => [{ namespace: namespaceOf(one), ...appOf(one) }, read(one)]),
    );
  }
  gaugeOf(
    registry,
    {
      name: 'kube_persistentvolumeclaim_status_phase',
      help: 'Phase of a volume claim',
      labelNames: [...appLabels, 'persistentvolumeclaim', 'phase'],
    },
    () =>
      state.claims.list().map((one) => [
        {
          namespace: namespaceOf(one),
          ...appOf(one),
          persistentvolumeclaim: one.metadata?.name ?? '',
          phase: one.status?.phase ?? 'Pending',
        },
        1,
      ]),
  );
  gaugeOf(
    registry,
    {
      name: 'kube_node_status_condition',
      help: 'Conditions of a node',
      labelNames: ['node', 'condition', 'status'],
    },
    () =>
      state.nodes
        .list()
        .flatMap(({ metadata, status }) =>
          (status?.conditions ?? []).map(
            (one) =>
              [
                { node: metadata?.name ?? '', condition: one.type, status: 'true' },
                one.status === 'True' ? 1 : 0,
              ] as const,
          ),
        ),
  );
}

/** What the master of the agents says of machines. */
export function registerMachineMetrics(registry: Registry, state: ClusterState): void {
  gaugeOf(
    registry,
    {
      name: 'skyarc_node_offline',
      help: 'Whether a machine was not heard of for too long, be it a node of the cluster or not',
      labelNames: ['node'],
    },
    () => state.machines().map(({ name: node, isOffline }) => [{ node }, isOffline ? 1 : 0]),
  );
}

type Workload = KindTable['deployments'] | KindTable['statefulsets'];

const replicaGauges: readonly (readonly [string, string, (workload: Workload) => number])[] = [
  ['skyarc_app_replicas_desired', 'Pods that an app should have', ({ spec }) => spec?.replicas ?? 0],
  ['skyarc_app_replicas_ready', 'Pods of an app that are ready', ({ status }) => status?.readyReplicas ?? 0],
];

interface Labelled {
  readonly metadata?: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
}

function appOf({ metadata }: Labelled) {
  const own = metadata?.labels ?? {};
  return {
    app: own[labels.appId] ?? '',
    app_name: own[labels.name] ?? '',
    team: own[labels.team] ?? '',
  };
}

function namespaceOf({ metadata }: Labelled): string {
  return metadata?.namespace ?? '';
}

function placeOf({ metadata }: KindTable['pods']) {
  return { namespace: metadata?.namespace ?? '', pod: metadata?.name ?? '' };
}

function statusesOf({ status }: KindTable['pods']) {
  return status?.containerStatuses ?? [];
}
