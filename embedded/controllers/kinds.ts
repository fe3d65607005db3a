import type { KindTable, KubeObject, Resource } from '../client/index.ts';

export type Pod = KindTable['pods'];
export type ReplicaSet = KindTable['replicasets'];
export type Deployment = KindTable['deployments'];
export type StatefulSet = KindTable['statefulsets'];
export type ControllerRevision = KindTable['controllerrevisions'];
export type Service = KindTable['services'];
export type Endpoints = KindTable['endpoints'];
export type EndpointSlice = KindTable['endpointslices'];
export type Node = KindTable['nodes'];
export type Namespace = KindTable['namespaces'];
export type Claim = KindTable['persistentvolumeclaims'];
export type Volume = KindTable['persistentvolumes'];
export type StorageClass = KindTable['storageclasses'];
export type DaemonSet = KindTable['daemonsets'];
export type Job = KindTable['jobs'];
export type CronJob = KindTable['cronjobs'];
export type DisruptionBudget = KindTable['poddisruptionbudgets'];
export type Autoscaler = KindTable['horizontalpodautoscalers'];
export type PodTemplate = NonNullable<ReplicaSet['spec']>['template'] & object;
export type LabelSelector = NonNullable<NonNullable<ReplicaSet['spec']>['selector']>;
export type OwnerReference = NonNullable<NonNullable<KubeObject['metadata']>['ownerReferences']>[number];

interface KindInfo {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const kind = (apiVersion: string, name: string, namespaced = true): KindInfo => ({
  apiVersion,
  kind: name,
  namespaced,
});

/** What each resource is called on the wire. */
export const kinds: Readonly<Record<Resource, KindInfo>> = {
  namespaces: kind('v1', 'Namespace', false),
  nodes: kind('v1', 'Node', false),
  pods: kind('v1', 'Pod'),
  services: kind('v1', 'Service'),
  endpoints: kind('v1', 'Endpoints'),
  endpointslices: kind('discovery.k8s.io/v1', 'EndpointSlice'),
  secrets: kind('v1', 'Secret'),
  configmaps: kind('v1', 'ConfigMap'),
  serviceaccounts: kind('v1', 'ServiceAccount'),
  events: kind('v1', 'Event'),
  persistentvolumes: kind('v1', 'PersistentVolume', false),
  persistentvolumeclaims: kind('v1', 'PersistentVolumeClaim'),
  deployments: kind('apps/v1', 'Deployment'),
  replicasets: kind('apps/v1', 'ReplicaSet'),
  statefulsets: kind('apps/v1', 'StatefulSet'),
  controllerrevisions: kind('apps/v1', 'ControllerRevision'),
  ingresses: kind('networking.k8s.io/v1', 'Ingress'),
  ingressclasses: kind('networking.k8s.io/v1', 'IngressClass', false),
  leases: kind('coordination.k8s.io/v1', 'Lease'),
  storageclasses: kind('storage.k8s.io/v1', 'StorageClass', false),
  daemonsets: kind('apps/v1', 'DaemonSet'),
  jobs: kind('batch/v1', 'Job'),
  cronjobs: kind('batch/v1', 'CronJob'),
  horizontalpodautoscalers: kind('autoscaling/v2', 'HorizontalPodAutoscaler'),
  poddisruptionbudgets: kind('policy/v1', 'PodDisruptionBudget'),
  networkpolicies: kind('networking.k8s.io/v1', 'NetworkPolicy'),
  roles: kind('rbac.authorization.k8s.io/v1', 'Role'),
  rolebindings: kind('rbac.authorization.k8s.io/v1', 'RoleBinding'),
  clusterroles: kind('rbac.authorization.k8s.io/v1', 'ClusterRole', false),
  clusterrolebindings: kind('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', false),
  resourcequotas: kind('v1', 'ResourceQuota'),
  limitranges: kind('v1', 'LimitRange'),
  podtemplates: kind('v1', 'PodTemplate'),
};

export const resources = Object.keys(kinds) as Resource[];

/** The resource of an owner reference's group and kind (its version does not matter); undefined when unknown. */
export function resourceOf(reference: { apiVersion: string; kind: string }): Resource | undefined {
  const group = groupOf(reference.apiVersion);
  return resources.find(
    (name) => kinds[name].kind === reference.kind && groupOf(kinds[name].apiVersion) === group,
  );
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** Time as Kubernetes writes it: RFC 3339 in whole seconds, UTC. */
export function timestamp(ms = Date.now()): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Milliseconds of an RFC 3339 time; 0 when there is none. */
export function msOf(time: string | undefined): number {
  return time ? Date.parse(time) : 0;
}
