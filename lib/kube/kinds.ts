import type {
  CoreV1Event,
  V1APIService,
  V1ConfigMap,
  V1CronJob,
  V1Deployment,
  V1EndpointSlice,
  V1Ingress,
  V1IngressClass,
  V1Job,
  V1Lease,
  V1Namespace,
  V1NetworkPolicy,
  V1Node,
  V1ObjectMeta,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1ReplicaSet,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
  V1StorageClass,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';

/** client-node's types with dates as the RFC 3339 text that JSON carries. */
export type Wire<T> = T extends Date ? string : T extends object ? { [K in keyof T]: Wire<T[K]> } : T;

/** Any Kubernetes object as it stands on the wire. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: Wire<V1ObjectMeta>;
}

/** The kinds that Skyarc reads and writes, by plural resource name. */
export interface KindTable {
  namespaces: Wire<V1Namespace>;
  nodes: Wire<V1Node>;
  pods: Wire<V1Pod>;
  services: Wire<V1Service>;
  secrets: Wire<V1Secret>;
  configmaps: Wire<V1ConfigMap>;
  serviceaccounts: Wire<V1ServiceAccount>;
  events: Wire<CoreV1Event>;
  persistentvolumes: Wire<V1PersistentVolume>;
  persistentvolumeclaims: Wire<V1PersistentVolumeClaim>;
  endpointslices: Wire<V1EndpointSlice>;
  deployments: Wire<V1Deployment>;
  replicasets: Wire<V1ReplicaSet>;
  statefulsets: Wire<V1StatefulSet>;
  jobs: Wire<V1Job>;
  cronjobs: Wire<V1CronJob>;
  horizontalpodautoscalers: Wire<V2HorizontalPodAutoscaler>;
  poddisruptionbudgets: Wire<V1PodDisruptionBudget>;
  networkpolicies: Wire<V1NetworkPolicy>;
  storageclasses: Wire<V1StorageClass>;
  ingresses: Wire<V1Ingress>;
  ingressclasses: Wire<V1IngressClass>;
  leases: Wire<V1Lease>;
  apiservices: Wire<V1APIService>;
}
export type Resource = keyof KindTable;

export interface ResourceInfo {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const resourceTable: Readonly<Record<Resource, ResourceInfo>> = {
  namespaces: { apiVersion: 'v1', kind: 'Namespace', namespaced: false },
  nodes: { apiVersion: 'v1', kind: 'Node', namespaced: false },
  pods: { apiVersion: 'v1', kind: 'Pod', namespaced: true },
  services: { apiVersion: 'v1', kind: 'Service', namespaced: true },
  secrets: { apiVersion: 'v1', kind: 'Secret', namespaced: true },
  configmaps: { apiVersion: 'v1', kind: 'ConfigMap', namespaced: true },
  serviceaccounts: { apiVersion: 'v1', kind: 'ServiceAccount', namespaced: true },
  events: { apiVersion: 'v1', kind: 'Event', namespaced: true },
  persistentvolumes: { apiVersion: 'v1', kind: 'PersistentVolume', namespaced: false },
  persistentvolumeclaims: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespaced: true },
  endpointslices: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespaced: true },
  deployments: { apiVersion: 'apps/v1', kind: 'Deployment', namespaced: true },
  replicasets: { apiVersion: 'apps/v1', kind: 'ReplicaSet', namespaced: true },
  statefulsets: { apiVersion: 'apps/v1', kind: 'StatefulSet', namespaced: true },
  jobs: { apiVersion: 'batch/v1', kind: 'Job', namespaced: true },
  cronjobs: { apiVersion: 'batch/v1', kind: 'CronJob', namespaced: true },
  horizontalpodautoscalers: {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    namespaced: true,
  },
  poddisruptionbudgets: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', namespaced: true },
  networkpolicies: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespaced: true },
  storageclasses: { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', namespaced: false },
  ingresses: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespaced: true },
  ingressclasses: { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', namespaced: false },
  leases: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespaced: true },
  apiservices: { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', namespaced: false },
};

export function infoOf(resource: Resource): ResourceInfo {
  return resourceTable[resource];
}

/** URL path of a collection or object; no namespace means all of them. */
export function pathOf(resource: Resource, namespace?: string, name?: string): string {
  const { apiVersion, namespaced } = resourceTable[resource];
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${resource}${name ? `/${encodeURIComponent(name)}` : ''}`;
}

/** `namespace/name`, or `name` for an object without a namespace. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace ? `${namespace}/${name ?? ''}` : (name ?? '');
}
