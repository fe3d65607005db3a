import { rm, stat } from 'node:fs/promises';
import { parseConfig } from '@skyarc/lib/config';
import { Stack, type RunningService } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { startApiServer, type RunningApiServer } from './apiserver/index.ts';
import type { KubeClient } from './client/index.ts';
import { embeddedConfigSchema, foldersOf, type EmbeddedConfig, type EmbeddedInput } from './config.ts';
import { startControllers } from './controllers/index.ts';
import { removeCgroup } from './kubelet/cgroup.ts';
import {
  createNodeProxy,
  listPodAddresses,
  startContainerd,
  startKubelet,
  startUsageMeter,
  stopAllPods,
  type Containerd,
  type TokenSource,
} from './kubelet/index.ts';
import { unmountAll } from './kubelet/volumes/index.ts';
import {
  clusterDnsAddress,
  nthAddress,
  purgeNetwork,
  removeStrayLinks,
  startNetwork,
  writeCniConfig,
} from './network/index.ts';

export { embeddedConfigSchema, type EmbeddedConfig, type EmbeddedInput } from './config.ts';
export type { KubeClient } from './client/index.ts';

export interface RunningEmbedded extends RunningService {
  /** A kubeconfig with all rights, for kubectl and every client. */
  readonly kubeconfigFile: string;
  /** The same API for parts in this process. */
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly podLogRoot: string;
  /** Loads an image archive (OCI layout or `docker save` tar) into the node's image store. */
  importImage(archive: string): Promise<void>;
}

/**
 * Starts a Kubernetes of one machine on an etcd that is there already: API server, controllers, network
 * and kubelet in this process, containerd beside it. `stop` ends what is in this process; pods, their
 * network and containerd go on, and the next `start` takes them over as they are.
 */
export async function start(input: EmbeddedInput): Promise<RunningEmbedded> {
  const config = parseConfig('embedded', embeddedConfigSchema, input);
  const { instance, podCidr, serviceCidr, etcdUrl, home } = config;
  const log = createLogger('embedded', { instance });
  const folders = foldersOf(config);
  const stack = new Stack();
  try {
    const engine = stack.use(await openEngine(config), ({ cri }) => cri.close());
    // An engine that ran on may be making a pod right now.
    if (!engine.adopted) await removeStrayLinks(podCidr, await listPodAddresses(engine));
    const meter = stack.use(startUsageMeter({ engine, instance, config: config.kubelet, log }), (running) =>
      running.stop(),
    );
    const apiServer = stack.use(
      await startApiServer(
        {
          ...config.apiServer,
          instance,
          etcdUrl,
          serviceCidr,
          pkiDir: folders.pki,
          clusterDomain: config.network.dns.domain,
        },
        { nodeProxy: createNodeProxy(engine, folders.podLogs, meter), metrics: meter },
      ),
      (running) => running.stop(),
    );
    const { client } = apiServer;
    const readAggregated = (path: string) => apiServer.readAggregated(path);
    stack.use(await startControllers(config.controllers, { client, log, readAggregated }), (running) =>
      running.stop(),
    );
    const { advertise } = config.apiServer;
    // Pods reach nothing of this host but names and, when it is offered to them, the API.
    const openToPods = [
      ...config.network.openToPods,
      ...(advertise ? [{ ...advertise, protocol: 'tcp' as const }] : []),
    ];
    const networkOptions = {
      instance,
      podCidr,
      serviceCidr,
      stateFolder: folders.network,
      config: { ...config.network, openToPods },
    };
    const network = stack.use(await startNetwork(networkOptions, { client, log }), (running) =>
      running.stop(),
    );
    const kubelet = stack.use(
      await startKubelet(
        {
          instance,
          home: folders.kubelet,
          podCidr,
          config: { ...config.kubelet, podLogRoot: folders.podLogs },
        },
        {
          client,
          engine,
          meter,
          log,
          issueToken: (...request) => issueToken(apiServer, ...request),
          admit: (pod, address) => network.admit(pod, address),
          clusterEnvironment: advertise ? apiServerEnvironment(serviceCidr) : {},
          dns: {
            clusterDomain: config.network.dns.domain,
            clusterDns: clusterDnsAddress(serviceCidr),
          },
        },
      ),
      (running) => running.stop(),
    );
    log.info({ url: apiServer.url, home }, 'cluster is ready');
    return {
      url: apiServer.url,
      kubeconfigFile: apiServer.kubeconfig,
      client,
      nodeName: kubelet.nodeName,
      podLogRoot: folders.podLogs,
      importImage: (archive) => engine.importImage(archive),
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/**
 * Stops all pods, each with its grace time up to `graceSeconds`, and the engine, and removes what an instance
 * made on this machine: link, nftables table, mounts, cgroups. Its data stay, and the next `start` runs the
 * pods again. Nothing of it may run in any process.
 */
export async function halt(input: EmbeddedInput, { graceSeconds = 30 } = {}): Promise<void> {
  const config = parseConfig('embedded', embeddedConfigSchema, input);
  const log = createLogger('embedded', { instance: config.instance });
  const folders = foldersOf(config);
  if (await stat(folders.engine).catch(() => null)) {
    const engine = await openEngine(config);
    await stopAllPods(engine.cri, graceSeconds, log);
    engine.cri.close();
    await engine.daemon.stop();
  }
  await purgeNetwork({ ...config, stateFolder: folders.network });
  await unmountAll(config.home);
  await removeCgroup(`/${config.instance}`);
}

/** Like `halt`, and removes the instance's home with all data, and its logs. */
export async function purge(input: EmbeddedInput): Promise<void> {
  const config = parseConfig('embedded', embeddedConfigSchema, input);
  await halt(input, { graceSeconds: 0 });
  for (const folder of [config.home, foldersOf(config).podLogs]) {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Where client libraries in pods look for the API server. */
function apiServerEnvironment(serviceCidr: string): Record<string, string> {
  return {
    KUBERNETES_SERVICE_HOST: nthAddress(serviceCidr, 1),
    KUBERNETES_SERVICE_PORT: '443',
    KUBERNETES_SERVICE_PORT_HTTPS: '443',
  };
}

async function issueToken(
  apiServer: RunningApiServer,
  ...[pod, audience, expirationSeconds]: Parameters<TokenSource>
): ReturnType<TokenSource> {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  const { token, expiresAt } = apiServer.issueToken({
    namespace,
    expirationSeconds,
    pod: {
      name,
      uid,
    },
    serviceAccountName: pod.spec?.serviceAccountName ?? 'default',
    ...(audience ? { audiences: [audience] } : {}),
  });
  return { token, expiresAtMs: expiresAt.getTime() };
}

async function openEngine(config: EmbeddedConfig): Promise<Containerd> {
  const { instance, podCidr, kubelet } = config;
  const folders = foldersOf(config);
  await writeCniConfig(folders.cniConfig, { instance, podCidr, stateFolder: folders.cniState });
  return startContainerd({
    home: folders.engine,
    instance,
    plainHttpRegistries: kubelet.plainHttpRegistries,
    cniConfigFolder: folders.cniConfig,
    cniPluginFolder: kubelet.cniPluginFolder,
    streaming: kubelet.streaming,
    snapshotter: kubelet.snapshotter,
    log: createLogger('containerd', { instance }),
  });
}
