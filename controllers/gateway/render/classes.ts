import type { Ingress, IngressClass } from './model.ts';

/** What an IngressClass names to be served by this gateway. */
export const controllerName = 'skyarc.dev/gateway';
const legacyAnnotation = 'kubernetes.io/ingress.class';
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

/** Which Ingresses are ours: by class name, by an IngressClass of ours, by the old annotation, by default. */
export function ownership(
  classes: Iterable<IngressClass>,
  ingressClass: string,
): (ingress: Ingress) => boolean {
  const ours = [...classes].filter((each) => each.spec?.controller === controllerName);
  const names = new Set([ingressClass, ...ours.map((each) => each.metadata?.name ?? '')]);
  const isDefault = ours.some((each) => each.metadata?.annotations?.[defaultAnnotation] === 'true');
  return (ingress) => {
    const name = ingress.spec?.ingressClassName ?? ingress.metadata?.annotations?.[legacyAnnotation];
    return !ingress.metadata?.deletionTimestamp && (name === undefined ? isDefault : names.has(name));
  };
}
