import { uriHost } from '@skyarc/lib/address';
import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import type { Target } from './target.ts';

/** Where an app says that it has metrics of its own. */
export interface AppEndpoint {
  readonly appId: string;
  readonly port: number;
  readonly path: string;
  /** Null: as often as everything else. */
  readonly intervalSec: number | null;
}

export interface ClusterView {
  readonly pods: readonly KindTable['pods'][];
  readonly nodes: readonly KindTable['nodes'][];
  readonly endpoints: readonly AppEndpoint[];
  /** Base address of the Kubernetes API. */
  readonly server: string;
  /** Whether pods' addresses lead somewhere from here; else the API server passes on. */
  readonly reach: 'pods' | 'proxy';
  /** Whether nodes' own exporters are looked for among the pods. */
  readonly findsNodeExporters: boolean;
}

/** Containers of every node, metrics of apps that have some, and node-exporters that run as pods. */
export function clusterTargets(view: ClusterView): Target[] {
  return [
    ...view.nodes.flatMap((node) => containersOf(node, view)),
    ...view.pods.flatMap((pod) => [...appTargets(pod, view), ...exporterTargets(pod, view)]),
  ];
}

function containersOf({ metadata }: KindTable['nodes'], { server }: ClusterView): Target[] {
  const name = metadata?.name;
  if (!name) return [];
  return [
    {
      job: 'containers',
      instance: name,
      ...apiPath(server, `/api/v1/nodes/${encodeURIComponent(name)}/proxy/metrics/cadvisor`),
      labels: { node: name },
    },
  ];
}

function appTargets(pod: KindTable['pods'], view: ClusterView): Target[] {
  const appId = pod.metadata?.labels?.[labels.appId];
  if (!appId || pod.status?.phase !== 'Running') return [];
  return view.endpoints
    .filter((endpoint) => endpoint.appId === appId)
    .flatMap(({ port, path, intervalSec }) => {
      const own = {
        namespace: pod.metadata?.namespace ?? '',
        app: appId,
        pod: pod.metadata?.name ?? '',
        team: pod.metadata?.labels?.[labels.team] ?? '',
      };
      return placed(pod, { port, path }, view).map((place): Target => ({
        job: 'apps',
        instance: `${own.pod}:${port}`,
        ...place,
        intervalSec,
        labels: own,
      }));
    });
}

function exporterTargets(pod: KindTable['pods'], view: ClusterView): Target[] {
  const names = ['app.kubernetes.io/name', 'app', 'k8s-app'].map((key) => pod.metadata?.labels?.[key] ?? '');
  const isOne = names.some((name) => /^(prometheus-)?node-exporter$/.test(name));
  const node = pod.spec?.nodeName;
  if (!view.findsNodeExporters || !isOne || !node || pod.status?.phase !== 'Running') return [];
  return placed(pod, { port: 9_100, path: '/metrics' }, view).map((place): Target => ({
    job: 'nodes',
    instance: node,
    ...place,
    labels: { node },
  }));
}

function placed(
  pod: KindTable['pods'],
  { port, path }: { readonly port: number; readonly path: string },
  { reach, server }: ClusterView,
): Pick<Target, 'scheme' | 'address' | 'path' | 'viaCluster'>[] {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  if (reach === 'proxy') {
    return [apiPath(server, `/api/v1/namespaces/${namespace}/pods/${name}:${port}/proxy${path}`)];
  }
  const address = pod.status?.podIP;
  if (!address) return [];
  return [{ scheme: 'http', address: `${uriHost(address)}:${port}`, path, viaCluster: false }];
}

function apiPath(server: string, path: string): Pick<Target, 'scheme' | 'address' | 'path' | 'viaCluster'> {
  const { protocol, host, hostname, pathname } = new URL(server);
  const scheme = protocol === 'http:' ? 'http' : 'https';
  const address = host === hostname ? `${host}:${scheme === 'https' ? 443 : 80}` : host;
  return { scheme, address, path: `${pathname.replace(/\/$/, '')}${path}`, viaCluster: true };
}
