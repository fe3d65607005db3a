import { labels, managedByValue } from '@skyarc/lib/contracts';
import type { KindTable, Resource } from '@skyarc/lib/kube';
import type { RunSpec } from './run-spec.ts';

/** An object with the resource that it is of. */
export type Rendered = { [R in Resource]: { readonly resource: R; readonly object: KindTable[R] } }[Resource];

export function ofResource<R extends Resource>(resource: R, object: KindTable[R] | null): Rendered | null {
  return object && ({ resource, object } as unknown as Rendered);
}

/** The team's namespace; every app of it brings the same. */
export function renderNamespace(spec: Pick<RunSpec, 'namespace' | 'team'>): KindTable['namespaces'] {
  return {
    metadata: {
      name: spec.namespace,
      labels: {
        [labels.managedBy]: managedByValue,
        [labels.team]: spec.team,
        // Whatever else comes into the namespace is held to what our own pods keep to.
        'pod-security.kubernetes.io/enforce': 'restricted',
      },
    },
  };
}
