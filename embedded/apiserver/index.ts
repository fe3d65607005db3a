import { parseConfig } from '@skyarc/lib/config';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { Stack, type RunningService } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import type { KubeClient } from '../client/index.ts';
import { openClusterStore } from './cluster-store.ts';
import { apiServerConfigSchema, type ApiServerConfigInput } from './config.ts';
import { keepDefaults } from './defaults.ts';
import { createLocalClient } from './local-client.ts';
import type { NodeProxy } from './node-proxy.ts';

export { apiServerConfigSchema, type ApiServerConfig, type ApiServerConfigInput } from './config.ts';
export { createLocalClient } from './local-client.ts';
export type { ContainerTarget, ExecOptions, LogOptions, NodeProxy, StreamOptions } from './node-proxy.ts';

export interface ApiServerDeps {
  /** How logs, exec, attach and port-forward reach the pods; those are refused without it. */
  readonly nodeProxy?: NodeProxy;
}

export interface RunningApiServer extends RunningService {
  /** The same API for parts in this process. */
  readonly client: KubeClient;
}

/** Serves the Kubernetes API over TLS from etcd. Throws UNAVAILABLE when etcd does not answer. */
export async function startApiServer(
  input: ApiServerConfigInput,
  _deps: ApiServerDeps = {},
): Promise<RunningApiServer> {
  const config = parseConfig('apiserver', apiServerConfigSchema, input);
  const log = createLogger('apiserver');
  const stack = new Stack();
  try {
    const authority = await CertificateAuthority.ensure(config.pkiDir, `${config.instance}-ca`);
    const store = stack.use(await openClusterStore({ ...config, log }), (open) => open.stop());
    const { registry } = store;
    stack.add(await keepDefaults(registry, { ...config, caCert: authority.cert, log }));
    return {
      url: `https://${config.host}:${config.port}`,
      client: createLocalClient(registry),
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
