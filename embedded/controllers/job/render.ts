import type { Job, Pod } from '../kinds.ts';
import { podFromTemplate } from '../pods.ts';
import { indexAnnotation, trackingFinalizer } from './counting.ts';

const maxNameLength = 63;

/** A new pod of the Job; of an Indexed Job the pod of this index, which it finds in JOB_COMPLETION_INDEX and its host name. */
export function renderPod(job: Job, index: number | undefined): Pod {
  const pod = podFromTemplate(job.spec?.template, { resource: 'jobs', object: job });
  const { metadata, spec } = pod;
  const name = job.metadata?.name ?? '';
  metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), trackingFinalizer])];
  // The end of a generated name is five letters: what is before must leave them room.
  metadata.generateName = `${name.slice(0, maxNameLength - 6)}-`;
  if (index === undefined) return pod;
  const suffix = `-${index}`;
  metadata.generateName = `${name.slice(0, maxNameLength - 6 - suffix.length)}${suffix}-`;
  metadata.annotations = { ...metadata.annotations, [indexAnnotation]: String(index) };
  metadata.labels = { ...metadata.labels, [indexAnnotation]: String(index) };
  spec.hostname = `${name.slice(0, maxNameLength - suffix.length)}${suffix}`;
  const variable = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexAnnotation}']` } },
  };
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    if (container.env?.some((each) => each.name === variable.name)) continue;
    container.env = [...(container.env ?? []), variable];
  }
  return pod;
}
