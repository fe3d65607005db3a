import type { GatewayObjects } from './model.ts';

/** What an IngressClass names to be served by this gateway. */
export const controllerName = 'skyarc.dev/gateway';
const legacyAnnotation = 'kubernetes.io/ingress.class';
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

/** The Ingresses of our class, oldest first: who was there first keeps a host and path. */
export function selectIngresses(
  objects: Pick<GatewayObjects, 'ingresses' | 'ingressClasses'>,
  ingressClass: string,
): GatewayObjects['ingresses'] {
  const ours = objects.ingressClasses.filter((each) => each.spec?.controller === controllerName);
  const names = new Set([ingressClass, ...ours.map((each) => each.metadata?.name ?? '')]);
  const isDefault = ours.some((each) => each.metadata?.annotations?.[defaultAnnotation] === 'true');
  return objects.ingresses
    .filter((ingress) => {
      const name = ingress.spec?.ingressClassName ?? ingress.metadata?.annotations?.[legacyAnnotation];
      return !ingress.metadata?.deletionTimestamp && (name === undefined ? isDefault : names.has(name));
    })
    .toSorted((left, right) => age(left).localeCompare(age(right)));
}

function age(ingress: GatewayObjects['ingresses'][number]): string {
  const { creationTimestamp, namespace, name } = ingress.metadata ?? {};
  return `${creationTimestamp ?? ''} ${namespace ?? ''}/${name ?? ''}`;
}
