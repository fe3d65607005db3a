import { uriHost } from '@skyarc/lib/address';
import { parseConfig } from '@skyarc/lib/config';
import { listen, Stack, type RunningService } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import type { KubeClient } from '../client/index.ts';
import { keepQuotaStatus } from './admission/quota-status.ts';
import { Aggregation } from './aggregation/index.ts';
import { RoleAuthorizer, TokenIssuer, type IssuedToken } from './auth/index.ts';
import { openClusterStore } from './cluster-store.ts';
import { apiServerConfigSchema, type ApiServerConfigInput } from './config.ts';
import { keepDefaults } from './defaults.ts';
import { apiError } from './errors.ts';
import { createMetrics } from './http/metrics.ts';
import { ApiHttpServer } from './http/server.ts';
import { createLocalClient } from './local-client.ts';
import type { MetricsSource } from './metrics-source.ts';
import type { NodeProxy } from './node-proxy.ts';
import type { JsonObject } from './object.ts';
import { ensurePki, writeKubeconfig } from './pki.ts';

export type { ApiServerConfigInput } from './config.ts';
export type { MetricsSource, NodeUsage, PodUsage } from './metrics-source.ts';
export type { NodeProxy } from './node-proxy.ts';

export interface ApiServerDeps {
  /** How logs, exec, attach and port-forward reach the pods; those are refused without it. */
  readonly nodeProxy?: NodeProxy;
  /** Where metrics.k8s.io comes from; that API is not served without it. */
  readonly metrics?: MetricsSource;
}

export interface RunningApiServer extends RunningService {
  /** The same API for parts in this process. */
  readonly client: KubeClient;
  /**
   * GET of an API that is not stored, metrics.k8s.io or one behind an APIService, by path and query, on behalf of
   * the cluster's controllers. Throws NOT_FOUND when nobody serves it, UNAVAILABLE when its server does not answer.
   */
  readAggregated(path: string): Promise<JsonObject>;
  /** File that lets kubectl in as administrator. */
  readonly kubeconfig: string;
  /** A service account's token, for the kubelet to give to pods. Throws NOT_FOUND without the account. */
  issueToken(request: ServiceAccountTokenRequest): IssuedToken;
}

export interface ServiceAccountTokenRequest {
  readonly namespace: string;
  readonly serviceAccountName: string;
  /** The token dies with this pod. */
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
}

/** Serves the Kubernetes API over TLS from etcd. Throws UNAVAILABLE when etcd does not answer or the port is taken. */
export async function startApiServer(
  input: ApiServerConfigInput,
  deps: ApiServerDeps = {},
): Promise<RunningApiServer> {
  const config = parseConfig('apiserver', apiServerConfigSchema, input);
  const log = createLogger('apiserver', { instance: config.instance });
  const stack = new Stack();
  try {
    const { authority, server: certificate, admin, proxyClient } = await ensurePki(config);
    const tokens = await TokenIssuer.ensure(
      config.pkiDir,
      `https://kubernetes.default.svc.${config.clusterDomain}`,
    );
    const { registry, cache } = stack.use(await openClusterStore({ ...config, log }), (open) => open.stop());
    stack.add(await keepDefaults(registry, { ...config, caCert: authority.cert, log }));
    stack.add(keepQuotaStatus(registry, log));
    const aggregation = new Aggregation({ registry, metrics: deps.metrics, proxyClient });
    const http = new ApiHttpServer({
      registry,
      aggregation,
      tokens,
      authorizer: new RoleAuthorizer(registry),
      metrics: createMetrics(cache, registry.kinds),
      nodeProxy: deps.nodeProxy,
      certificate,
      caCert: authority.cert,
      log,
      health: () => cache.problem,
    });
    const port = await listen(http.server, config);
    stack.add(() => http.stop());
    const url = `https://${uriHost(config.host)}:${port}`;
    const kubeconfig = await writeKubeconfig(config.pkiDir, {
      ...config,
      url,
      caCert: authority.cert,
      admin,
    });
    log.info({ url, revision: cache.revision }, 'serving');
    return {
      url,
      kubeconfig,
      client: createLocalClient(registry),
      async readAggregated(path) {
        const url = new URL(path, 'https://localhost');
        const [, , group = '', version = ''] = url.pathname.split('/');
        const api = aggregation.find(group, version);
        if (!api) throw apiError(404, 'NotFound', `the API ${group}/${version} is not served`);
        return await api.read(url, controllerUser);
      },
      issueToken({ namespace, serviceAccountName, ...rest }) {
        const account = registry.reader.get(
          registry.kindNamed('serviceaccounts'),
          namespace,
          serviceAccountName,
        );
        const { name, uid } = account.object.metadata;
        return tokens.issue({ namespace, serviceAccount: { name, uid }, ...rest });
      },
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Who the cluster's controllers are to extension servers. */
const controllerUser = { username: 'system:kube-controller-manager', groups: ['system:authenticated'] };
