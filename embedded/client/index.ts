import type {
  CoreV1Event,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1ConfigMap,
  V1ControllerRevision,
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Endpoints,
  V1EndpointSlice,
  V1Ingress,
  V1IngressClass,
  V1Job,
  V1Lease,
  V1LimitRange,
  V1Namespace,
  V1NetworkPolicy,
  V1Node,
  V1ObjectMeta,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1PodTemplate,
  V1ReplicaSet,
  V1ResourceQuota,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
  V1StorageClass,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';

/** Any Kubernetes object as it stands on the wire: JSON, dates as RFC 3339 text. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: Wire<V1ObjectMeta>;
}

/** client-node's types with dates as the text that JSON carries. */
export type Wire<T> = T extends Date ? string : T extends object ? { [K in keyof T]: Wire<T[K]> } : T;

/** The kinds that controllers and the kubelet work on, by plural resource name. */
export interface KindTable {
  namespaces: Wire<V1Namespace>;
  nodes: Wire<V1Node>;
  pods: Wire<V1Pod>;
  services: Wire<V1Service>;
  endpoints: Wire<V1Endpoints>;
  endpointslices: Wire<V1EndpointSlice>;
  secrets: Wire<V1Secret>;
  configmaps: Wire<V1ConfigMap>;
  serviceaccounts: Wire<V1ServiceAccount>;
  events: Wire<CoreV1Event>;
  persistentvolumes: Wire<V1PersistentVolume>;
  persistentvolumeclaims: Wire<V1PersistentVolumeClaim>;
  deployments: Wire<V1Deployment>;
  replicasets: Wire<V1ReplicaSet>;
  statefulsets: Wire<V1StatefulSet>;
  controllerrevisions: Wire<V1ControllerRevision>;
  daemonsets: Wire<V1DaemonSet>;
  jobs: Wire<V1Job>;
  cronjobs: Wire<V1CronJob>;
  horizontalpodautoscalers: Wire<V2HorizontalPodAutoscaler>;
  ingresses: Wire<V1Ingress>;
  ingressclasses: Wire<V1IngressClass>;
  leases: Wire<V1Lease>;
  storageclasses: Wire<V1StorageClass>;
  poddisruptionbudgets: Wire<V1PodDisruptionBudget>;
  networkpolicies: Wire<V1NetworkPolicy>;
  roles: Wire<V1Role>;
  rolebindings: Wire<V1RoleBinding>;
  clusterroles: Wire<V1ClusterRole>;
  clusterrolebindings: Wire<V1ClusterRoleBinding>;
  resourcequotas: Wire<V1ResourceQuota>;
  limitranges: Wire<V1LimitRange>;
  podtemplates: Wire<V1PodTemplate>;
}
export type Resource = keyof KindTable;

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly uid?: string;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/**
 * The Kubernetes API for parts that run beside it: the same validation, admission, conflicts and
 * watches as over HTTPS. Errors are AppErrors: NOT_FOUND (404), CONFLICT (409, also AlreadyExists,
 * with `details.reason` as Kubernetes names it), INVALID (422/400); a watch from a compacted revision
 * throws CONFLICT with `details.reason = 'Expired'` (410): list again.
 */
export interface KubeClient {
  find<R extends Resource>(resource: R, name: string, namespace?: string): Promise<KindTable[R] | null>;
  list<R extends Resource>(
    resource: R,
    options?: ListOptions,
  ): Promise<{ items: KindTable[R][]; resourceVersion: string }>;
  /** Changes after the resource version, in order; ends without error when the signal aborts. */
  watch<R extends Resource>(
    resource: R,
    options: ListOptions & { resourceVersion: string; signal: AbortSignal },
  ): AsyncIterable<WatchEvent<KindTable[R]>>;
  create<R extends Resource>(resource: R, object: KindTable[R]): Promise<KindTable[R]>;
  /** Fails with CONFLICT when the object's resourceVersion is not the stored one. */
  update<R extends Resource>(resource: R, object: KindTable[R]): Promise<KindTable[R]>;
  updateStatus<R extends Resource>(resource: R, object: KindTable[R]): Promise<KindTable[R]>;
  /** JSON merge patch (RFC 7386). */
  patch<R extends Resource>(
    resource: R,
    name: string,
    namespace: string | undefined,
    patch: object,
  ): Promise<KindTable[R]>;
  /** JSON merge patch (RFC 7386) of the status alone: `{ status: { ... } }`. */
  patchStatus<R extends Resource>(
    resource: R,
    name: string,
    namespace: string | undefined,
    patch: object,
  ): Promise<KindTable[R]>;
  /**
   * Pods that run get their grace time and are gone once deleted again with grace 0; a namespace is gone once an
   * update of it has no `spec.finalizers`; anything else once it has no `metadata.finalizers`.
   */
  delete(resource: Resource, name: string, namespace?: string, options?: DeleteOptions): Promise<void>;
}
