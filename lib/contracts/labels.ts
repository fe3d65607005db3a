/** Labels and annotations on the objects that the worker makes and others read. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  appId: 'skyarc.dev/app-id',
  versionId: 'skyarc.dev/version-id',
  team: 'skyarc.dev/team',
} as const;

export const managedByValue = 'skyarc';
export const ingressClassName = 'skyarc';
