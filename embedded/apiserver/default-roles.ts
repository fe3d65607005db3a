const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];

/** What people work with in a namespace, without secrets and rights. */
const work = [
  {
    apiGroups: [''],
    resources: [
      'configmaps',
      'endpoints',
      'events',
      'limitranges',
      'namespaces',
      'persistentvolumeclaims',
      'persistentvolumeclaims/status',
      'pods',
      'pods/log',
      'pods/status',
      'resourcequotas',
      'resourcequotas/status',
      'serviceaccounts',
      'services',
      'services/status',
    ],
  },
  {
    apiGroups: ['apps', 'autoscaling', 'batch', 'discovery.k8s.io', 'networking.k8s.io', 'policy'],
    resources: ['*'],
  },
  { apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'] },
];
const change = [
  {
    apiGroups: [''],
    resources: [
      'configmaps',
      'endpoints',
      'events',
      'persistentvolumeclaims',
      'pods',
      'pods/attach',
      'pods/ephemeralcontainers',
      'pods/resize',
      'pods/eviction',
      'pods/exec',
      'pods/portforward',
      'secrets',
      'serviceaccounts',
      'services',
    ],
    verbs: [...write, 'get'],
  },
  { apiGroups: [''], resources: ['secrets'], verbs: read },
  {
    apiGroups: ['apps', 'autoscaling', 'batch', 'networking.k8s.io', 'policy'],
    resources: ['*'],
    verbs: write,
  },
];
const view = work.map((rule) => ({ ...rule, verbs: read }));
const rights = { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'] };

const clusterRole = (name: string, rules: readonly object[]) => ({ metadata: { name }, rules });
const bound = (name: string, role: string, groupName: string) => ({
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: groupName }],
});

/** The roles that every cluster has for people and tools to bind to (kubernetes.io: Using RBAC, user-facing roles). */
export const defaultRoles = {
  clusterroles: [
    clusterRole('cluster-admin', [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ]),
    clusterRole('admin', [...view, ...change, { ...rights, verbs: [...read, ...write] }]),
    clusterRole('edit', [...view, ...change]),
    clusterRole('view', view),
    clusterRole('system:auth-delegator', [
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
      { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    ]),
  ],
  clusterrolebindings: [bound('cluster-admin', 'cluster-admin', 'system:masters')],
};
