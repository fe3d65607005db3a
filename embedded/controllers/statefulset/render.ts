import type { Claim, Pod, PodTemplate, StatefulSet } from '../kinds.ts';
import { podFromTemplate } from '../pods.ts';
import { revisionLabel } from './plan.ts';

/** Name of the claim that a pod of the set mounts for a claim template. */
export function claimName(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${set.metadata?.name ?? ''}-${ordinal}`;
}

/** The pod of one ordinal: stable name, host name and claims. */
export function renderPod(
  set: StatefulSet,
  { ordinal, template, revision }: { ordinal: number; template: PodTemplate | undefined; revision: string },
): Pod {
  const name = `${set.metadata?.name ?? ''}-${ordinal}`;
  const pod = podFromTemplate(template, { resource: 'statefulsets', object: set });
  const claims = (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? '');
  const others = (pod.spec.volumes ?? []).filter((volume) => !claims.includes(volume.name));
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name,
      labels: {
        ...pod.metadata.labels,
        [revisionLabel]: revision,
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
      },
    },
    spec: {
      ...pod.spec,
      hostname: name,
      subdomain: set.spec?.serviceName || undefined,
      volumes: [
        ...claims.map((claim) => ({
          name: claim,
          persistentVolumeClaim: { claimName: claimName(set, claim, ordinal) },
        })),
        ...others,
      ],
    },
  };
}

/** The claims that the pod of one ordinal needs; they outlive the pod and the set. */
export function renderClaims(set: StatefulSet, ordinal: number): Claim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(set, template.metadata?.name ?? '', ordinal),
      namespace: set.metadata?.namespace,
      labels: { ...template.metadata?.labels, ...set.spec?.selector?.matchLabels },
      annotations: template.metadata?.annotations,
    },
    spec: structuredClone(template.spec),
  }));
}
