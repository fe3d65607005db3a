import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf, selectorOf, templateLabel } from './labels.ts';
import { renderPodTemplate } from './pod.ts';
import type { RenderOptions, RunSpec } from './run-spec.ts';

/** Without a port there is no probe: an app that lives so long is taken to have started. */
const portlessReadySec = 5;

export function renderDeployment(spec: RunSpec, options: RenderOptions): KindTable['deployments'] {
  return {
    metadata: renderMetadata(spec, options),
    spec: {
      replicas: spec.replicas,
      selector: { matchLabels: selectorOf(spec) },
      // The old version serves until the new one does.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '25%' } },
      minReadySeconds: spec.ports.length > 0 ? 0 : portlessReadySec,
      progressDeadlineSeconds: spec.startTimeoutSec + 60,
      revisionHistoryLimit: 2,
      template: renderPodTemplate(spec, options),
    },
  };
}

export function renderStatefulSet(spec: RunSpec, options: RenderOptions): KindTable['statefulsets'] {
  return {
    metadata: renderMetadata(spec, options),
    spec: {
      replicas: spec.replicas,
      selector: { matchLabels: selectorOf(spec) },
      serviceName: headlessName(spec),
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate' },
      minReadySeconds: spec.ports.length > 0 ? 0 : portlessReadySec,
      revisionHistoryLimit: 2,
      template: renderPodTemplate(spec, options),
    },
  };
}

export function headlessName(spec: Pick<RunSpec, 'name'>): string {
  return `${spec.name}-headless`;
}

function renderMetadata(spec: RunSpec, options: RenderOptions): KindTable['deployments']['metadata'] {
  const digest = renderPodTemplate(spec, options).metadata?.labels?.[templateLabel] ?? '';
  return {
    name: spec.name,
    namespace: spec.namespace,
    labels: { ...labelsOf(spec), [labels.versionId]: spec.version.id, [templateLabel]: digest },
  };
}
