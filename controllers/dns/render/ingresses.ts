import type { KindTable } from '@skyarc/lib/kube';
import type { DnsSettings } from '../config.ts';
import type { ClusterObjects } from './zones.ts';

type Ingress = KindTable['ingresses'];
type Settings = Pick<DnsSettings, 'ingressClass' | 'publicAddresses'>;

const gatewayController = 'skyarc.dev/gateway';
const legacyAnnotation = 'kubernetes.io/ingress.class';
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';
const hostPattern = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Each host of our Ingresses with where it is served; several Ingresses of one host add up. */
export function hostsOf(
  settings: Settings,
  objects: ClusterObjects,
): { readonly host: string; readonly addresses: readonly string[] }[] {
  const found = new Map<string, Set<string>>();
  for (const ingress of ingressesOf(settings, objects)) {
    for (const { host = '' } of ingress.spec?.rules ?? []) {
      if (host.length > 253 || !hostPattern.test(host)) continue;
      const addresses = found.get(host) ?? new Set();
      for (const address of addressesOf(settings, ingress)) addresses.add(address);
      found.set(host, addresses);
    }
  }
  return [...found].map(([host, addresses]) => ({ host, addresses: [...addresses].toSorted() }));
}

/** All gateways that Ingresses tell of; those of the configuration when none does. */
export function gatewaysOf(settings: Settings, objects: ClusterObjects): string[] {
  const told = ingressesOf(settings, objects).flatMap(statusOf);
  return [...new Set(told.length > 0 ? told : settings.publicAddresses)].toSorted();
}

function ingressesOf({ ingressClass }: Settings, { ingresses, ingressClasses }: ClusterObjects): Ingress[] {
  const ours = ingressClasses.filter(({ spec }) => spec?.controller === gatewayController);
  const names = new Set([ingressClass, ...ours.map(({ metadata }) => metadata?.name ?? '')]);
  const isDefault = ours.some(({ metadata }) => metadata?.annotations?.[defaultAnnotation] === 'true');
  return ingresses.filter(({ metadata, spec }) => {
    const name = spec?.ingressClassName ?? metadata?.annotations?.[legacyAnnotation];
    return !metadata?.deletionTimestamp && (name === undefined ? isDefault : names.has(name));
  });
}

function addressesOf({ publicAddresses }: Settings, ingress: Ingress): readonly string[] {
  const told = statusOf(ingress);
  return told.length > 0 ? told : publicAddresses;
}

function statusOf({ status }: Ingress): string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => {
    const address = ip ?? hostname?.toLowerCase();
    return address ? [address] : [];
  });
}
