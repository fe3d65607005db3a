import type { KindTable } from '@skyarc/lib/kube';
import { renderAutoscaler } from './autoscaling.ts';
import { envSecretName } from './environment.ts';
import { renderGreyDeployment, renderGreyService } from './grey.ts';
import { renderAuthSecrets, renderIngresses } from './ingress.ts';
import { renderCronJob } from './job.ts';
import { inheritedAnnotation, labelsOf } from './labels.ts';
import { renderMeshRules, renderMeshSecret } from './mesh.ts';
import { renderHeadlessService, renderService } from './network.ts';
import { ofResource, type Rendered, renderNamespace } from './objects.ts';
import { renderPluginSecrets } from './plugins.ts';
import { renderTeamPolicy } from './policies.ts';
import type { RenderOptions, RunSpec } from './run-spec.ts';
import { renderClaims, renderFilesSecret } from './volumes.ts';
import { renderDeployment, renderDisruptionBudget, renderStatefulSet } from './workload.ts';

export type { Rendered } from './objects.ts';

/** All objects of an app, in the order in which they are to be made. */
export function renderApp(spec: RunSpec, options: RenderOptions): Rendered[] {
  const rendered: (Rendered | null)[] = [
    { resource: 'namespaces', object: renderNamespace(spec) },
    { resource: 'networkpolicies', object: renderTeamPolicy(spec, options) },
    { resource: 'serviceaccounts', object: renderServiceAccount(spec) },
    ofResource('secrets', renderEnvSecret(spec)),
    ofResource('secrets', renderFilesSecret(spec)),
    ofResource('secrets', renderMeshSecret(spec, options)),
    ofResource('configmaps', renderMeshRules(spec, options)),
    ...[...renderPluginSecrets(spec), ...renderAuthSecrets(spec)].map((one) => ofResource('secrets', one)),
    ...renderClaims(spec, options).map((claim) => ofResource('persistentvolumeclaims', claim)),
    ofResource('services', renderService(spec)),
    ofResource('services', renderHeadlessService(spec)),
    renderWorkload(spec, options),
    ofResource('poddisruptionbudgets', renderDisruptionBudget(spec)),
    ofResource('horizontalpodautoscalers', renderAutoscaler(spec)),
    ofResource('services', renderGreyService(spec)),
    ofResource('deployments', renderGreyDeployment(spec, options)),
    ...renderIngresses(spec, options).map((one) => ofResource('ingresses', one)),
  ];
  return rendered.filter((each) => each !== null);
}

/** The Deployment or StatefulSet among an app's objects. */
export function workloadAmong(objects: readonly Rendered[]): Workload | undefined {
  return objects.find(isWorkload);
}

export function isWorkload(each: Rendered): each is Workload {
  return each.resource === 'deployments' || each.resource === 'statefulsets';
}
export type Workload = Extract<Rendered, { resource: 'deployments' | 'statefulsets' }>;

/** What runs the pods; null for a JOB, of which every run is an object of its own. */
function renderWorkload(spec: RunSpec, options: RenderOptions): Rendered | null {
  switch (spec.workload) {
    case 'STATELESS':
      return { resource: 'deployments', object: renderDeployment(spec, options) };
    case 'STATEFUL':
      return { resource: 'statefulsets', object: renderStatefulSet(spec, options) };
    case 'CRON_JOB':
      return { resource: 'cronjobs', object: renderCronJob(spec, options) };
    case 'JOB':
      return null;
  }
}

function renderServiceAccount(spec: RunSpec): KindTable['serviceaccounts'] {
  return {
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      labels: labelsOf(spec),
      annotations: { [inheritedAnnotation]: spec.inherited },
    },
    automountServiceAccountToken: false,
  };
}

function renderEnvSecret(spec: RunSpec): KindTable['secrets'] | null {
  if (spec.env.length === 0) return null;
  const data = spec.env.map(({ name, value }) => [name, Buffer.from(value).toString('base64')] as const);
  return {
    metadata: { name: envSecretName(spec), namespace: spec.namespace, labels: labelsOf(spec) },
    type: 'Opaque',
    immutable: true,
    data: Object.fromEntries(data),
  };
}
