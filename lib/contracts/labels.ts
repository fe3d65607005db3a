/** Labels and annotations on the objects that the worker makes and others read. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  appId: 'skyarc.dev/app-id',
  versionId: 'skyarc.dev/version-id',
  team: 'skyarc.dev/team',
  /** On the Ingress of a route that a person made. */
  routeId: 'skyarc.dev/route-id',
  /** On the Secret of a certificate. */
  certificateId: 'skyarc.dev/certificate-id',
  /** `grey` on the Deployment, Service and pods of a grey release's candidate. */
  track: 'skyarc.dev/track',
} as const;

export const managedByValue = 'skyarc';
export const ingressClassName = 'skyarc';
/** Storage classes that the worker's leader provides. */
export const sharedClassName = 'skyarc-shared';
export const localClassName = 'skyarc-local';
