import { defaultHostOf } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf, selectorOf } from './labels.ts';
import type { RenderOptions, RunSpec } from './run-spec.ts';
import { headlessName } from './workload.ts';

type Ingress = KindTable['ingresses'];
type IngressRule = NonNullable<NonNullable<Ingress['spec']>['rules']>[number];

/** `<app>` with all ports; null for an app that has none. */
export function renderService(spec: RunSpec): KindTable['services'] | null {
  if (spec.ports.length === 0) return null;
  return {
    metadata: { name: spec.name, namespace: spec.namespace, labels: labelsOf(spec) },
    spec: { type: 'ClusterIP', selector: selectorOf(spec), ports: renderPorts(spec) },
  };
}

/** Stable names for the pods of a StatefulSet, also while they are not ready. */
export function renderHeadlessService(spec: RunSpec): KindTable['services'] | null {
  if (spec.workload !== 'STATEFUL') return null;
  return {
    metadata: { name: headlessName(spec), namespace: spec.namespace, labels: labelsOf(spec) },
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorOf(spec),
      ports: renderPorts(spec),
    },
  };
}

/** Default hosts of the public HTTP ports, and the routes people made; null when there is neither. */
export function renderIngress(spec: RunSpec, options: RenderOptions): Ingress | null {
  const { name: app, team } = spec;
  const { domain } = options;
  const isHttp = (port: number) => spec.ports.some((each) => each.port === port && each.protocol === 'HTTP');
  const places = [
    ...spec.ports
      .filter((each) => each.public && each.protocol === 'HTTP')
      .map(({ port }) => ({ host: defaultHostOf({ port, app, team, domain }), path: '/', port })),
    ...spec.routes.filter(({ port }) => isHttp(port)),
  ];
  if (places.length === 0) return null;
  const hosts = Map.groupBy(places, ({ host }) => host);
  return {
    metadata: { name: spec.name, namespace: spec.namespace, labels: labelsOf(spec) },
    spec: {
      ingressClassName: options.ingressClass,
      rules: [...hosts].map(([host, paths]) => ({
        host,
        http: { paths: paths.map(({ path, port }) => renderPath(spec, path, port)) },
      })),
    },
  };
}

function renderPath(
  spec: RunSpec,
  path: string,
  port: number,
): NonNullable<IngressRule['http']>['paths'][number] {
  return { path, pathType: 'Prefix', backend: { service: { name: spec.name, port: { number: port } } } };
}

function renderPorts(spec: RunSpec): NonNullable<KindTable['services']['spec']>['ports'] {
  return spec.ports.map(({ port }) => ({ name: `p${port}`, port, targetPort: port, protocol: 'TCP' }));
}
