import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start, stopNginx, type GatewayConfig, type RunningGateway } from '@skyarc/controllers/gateway';
import { ensureObject, type KubeClient } from '@skyarc/lib/kube';
import { TestCluster } from '@skyarc/lib/kube/testing';
import type { Daemon } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import { startStaticNginx, staticRoutes } from './gateway-rival.ts';

const basePort = 20_410;
export const gatewayPort = basePort + 10;
export const gatewayTlsPort = basePort + 11;
export const rivalPort = basePort + 13;
/** Every backend listens here, on addresses of its own. */
export const backendPort = basePort + 15;

export interface BenchRoute {
  readonly host: string;
  readonly endpoint: string;
}

/** A gateway of one nginx worker, its rival with a file by hand, and backends that answer `ok`. */
export class GatewayBench {
  readonly kube: KubeClient;
  readonly config: GatewayConfig;
  gateway: RunningGateway;
  readonly folder: string;
  private readonly cluster: TestCluster;
  private readonly daemons: Daemon[] = [];

  private constructor(cluster: TestCluster, folder: string, config: GatewayConfig, gateway: RunningGateway) {
    this.cluster = cluster;
    this.kube = cluster.kube;
    this.folder = folder;
    this.config = config;
    this.gateway = gateway;
  }

  static async start(more: Partial<GatewayConfig> = {}): Promise<GatewayBench> {
    const cluster = await TestCluster.start({ instance: 'hedb', basePort, parts: 'api' });
    const folder = await mkdtemp(join(tmpdir(), 'hedb-'));
    await chmod(folder, 0o711);
    const config: GatewayConfig = {
      instance: 'hedb',
      dataDir: join(folder, 'gateway'),
      kubeconfig: cluster.kubeconfig,
      httpPort: gatewayPort,
      httpsPort: gatewayTlsPort,
      statusPort: basePort + 12,
      workers: 1,
      ...more,
    };
    const bench = new GatewayBench(cluster, folder, config, await start(config));
    await bench.startStatic('backend', `server { listen *:${backendPort}; return 200 $server_addr; }`, {
      probe: `http://127.0.0.1:${backendPort}/`,
    });
    return bench;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await stopNginx(this.config);
    for (const daemon of this.daemons) await daemon.stop();
    await this.cluster.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async startStatic(name: string, http: string, { probe }: { probe: string }): Promise<Daemon> {
    const daemon = await startStaticNginx({
      name: `hedb-${name}`,
      folder: join(this.folder, name),
      http,
      probe,
    });
    this.daemons.push(daemon);
    return daemon;
  }

  startRival(routes: readonly BenchRoute[]): Promise<Daemon> {
    const health = `server { listen 127.0.0.1:${rivalPort} default_server; return 200 ok; }\n`;
    return this.startStatic('rival', health + staticRoutes(`127.0.0.1:${rivalPort}`, routes), {
      probe: `http://127.0.0.1:${rivalPort}/`,
    });
  }

  /** Routes of this many hosts, each to a Service of its own; resolves when nginx serves the last. */
  async routes(count: number): Promise<BenchRoute[]> {
    const routes = Array.from({ length: count }, (_, index) => ({
      host: `h${index}.bench.test`,
      endpoint: `${addressOf(index)}:${backendPort}`,
    }));
    for (let from = 0; from < count; from += 50) {
      await Promise.all(routes.slice(from, from + 50).map((_, index) => this.route(from + index)));
    }
    await this.seen(count);
    return routes;
  }

  /** The same by a hundred: each Service has a hundred ports, each Ingress a hundred hosts, so that thousands are soon there. */
  async manyRoutes(count: number): Promise<BenchRoute[]> {
    const groups = Array.from({ length: Math.ceil(count / 100) }, (_, group) => group);
    for (const group of groups) await this.group(group);
    await this.seen(groups.length * 100);
    return groups.flatMap((group) =>
      Array.from({ length: 100 }, (_, index) => ({
        host: `h${group * 100 + index}.bench.test`,
        endpoint: `${addressOf(group)}:${backendPort}`,
      })),
    );
  }

  private async group(group: number): Promise<void> {
    const name = `g${group}`;
    const ports = Array.from({ length: 100 }, (_, index) => ({ name: `p${index}`, port: index + 1 }));
    await ensureObject(this.kube, 'services', { metadata: { name, namespace: 'default' }, spec: { ports } });
    await ensureObject(this.kube, 'endpointslices', {
      metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [addressOf(group)], conditions: { ready: true } }],
      ports: ports.map((port) => ({ name: port.name, port: backendPort, protocol: 'TCP' })),
    });
    await ensureObject(this.kube, 'ingresses', {
      metadata: { name, namespace: 'default' },
      spec: {
        ingressClassName: 'skyarc',
        rules: ports.map(({ port }, index) => ({
          host: `h${group * 100 + index}.bench.test`,
          http: {
            paths: [
              { path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: port } } } },
            ],
          },
        })),
      },
    });
  }

  private async seen(count: number): Promise<void> {
    await pollUntil(async () => (this.gateway.controller.routeCount >= count ? true : undefined), {
      timeoutMs: 60_000,
      onTimeout: () => new Error('the gateway does not see the routes'),
    });
  }

  async route(index: number, options: { policy?: object; namespace?: string } = {}): Promise<void> {
    const name = `h${index}`;
    await ensureObject(this.kube, 'services', {
      metadata: { name, namespace: 'default' },
      spec: { ports: [{ port: 80 }] },
    });
    await this.endpoints(index, [addressOf(index)]);
    await ensureObject(this.kube, 'ingresses', {
      metadata: {
        name,
        namespace: 'default',
        annotations: options.policy ? { 'skyarc.dev/route': JSON.stringify(options.policy) } : {},
      },
      spec: {
        ingressClassName: 'skyarc',
        rules: [
          {
            host: `${name}.bench.test`,
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } },
              ],
            },
          },
        ],
      },
    });
  }

  endpoints(index: number, addresses: readonly string[], port = backendPort): Promise<unknown> {
    return ensureObject(this.kube, 'endpointslices', {
      metadata: {
        name: `h${index}`,
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': `h${index}` },
      },
      addressType: 'IPv4',
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports: [{ name: '', port, protocol: 'TCP' }],
    });
  }
}

/** An address of its own in 127/8 for each backend. */
export function addressOf(index: number): string {
  return `127.88.${(index >> 8) & 255}.${index & 255}`;
}
