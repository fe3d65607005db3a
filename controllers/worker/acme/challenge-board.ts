import { acmeAnnotation, acmeChallenges, labels, managedByValue } from '@skyarc/lib/contracts';
import { ensureObject, type KubeClient } from '@skyarc/lib/kube';
import type { ChallengeBoard } from './order.ts';

/** An Ingress that carries the answers; every gateway of its class gives them, whatever routes the hosts have. */
export function ingressBoard(
  kube: KubeClient,
  place: { readonly namespace: string; readonly certificateId: string; readonly ingressClass: string },
): ChallengeBoard {
  const { namespace, certificateId, ingressClass } = place;
  const name = `acme-${certificateId.split('.').at(-1) ?? ''}`;
  return {
    async put(challenges) {
      await ensureObject(kube, 'ingresses', {
        metadata: {
          name,
          namespace,
          labels: { [labels.managedBy]: managedByValue },
          annotations: { [acmeAnnotation]: JSON.stringify(acmeChallenges.parse(challenges)) },
        },
        spec: {
          ingressClassName: ingressClass,
          // The API wants a rule or a default backend; this one names no host's path that anybody asks for.
          rules: [{ host: `${name}.acme.invalid` }],
        },
      });
    },
    clear: () => kube.delete('ingresses', name, namespace),
  };
}
