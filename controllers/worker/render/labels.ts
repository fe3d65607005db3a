import { labels, managedByValue } from '@skyarc/lib/contracts';
import type { RunSpec } from './run-spec.ts';

/** Digest of the pod template, on the workload and its pods: tells new pods from old ones. */
export const templateLabel = 'skyarc.dev/template';
/** Id of the volume that a claim is of. */
export const volumeLabel = 'skyarc.dev/volume-id';
/** Id of the operation that made a Job. */
export const operationLabel = 'skyarc.dev/operation-id';
/** Digest of what others told the app, on its ServiceAccount: another one asks for a new configuration. */
export const inheritedAnnotation = 'skyarc.dev/inherited';
export const restartAnnotation = 'skyarc.dev/restarted-at';

/** What an app's pods are selected by; never changes in an app's life. */
export function selectorOf(spec: Pick<RunSpec, 'id'>): Record<string, string> {
  return { [labels.appId]: spec.id };
}

export function labelsOf(spec: Pick<RunSpec, 'id' | 'name' | 'team'>): Record<string, string> {
  return {
    [labels.managedBy]: managedByValue,
    [labels.name]: spec.name,
    [labels.team]: spec.team,
    [labels.appId]: spec.id,
  };
}

/** The digest of the template that a workload, or a pod of it, was rendered from. */
export function templateOf({
  metadata,
}: {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
}): string | undefined {
  return metadata?.labels?.[templateLabel];
}
