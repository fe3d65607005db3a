import { baseImageName } from '@skyarc/controllers/chaos';
import { start, type WebcliConfig } from '@skyarc/controllers/webcli';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { Stack } from '@skyarc/lib/lifecycle';
import { ensureGrantKeys, type GrantKeys } from '@skyarc/lib/signed-grant';
import { openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { StartedProcess } from './processes.ts';
import type { Topology } from './topology.ts';

/** What terminals' grants are signed and checked with. */
export function grantKeysOf({ path }: Topology): Promise<GrantKeys> {
  return ensureGrantKeys(path('keys', 'terminal.key'));
}

/** The webcli of this machine; with SKYARC_WEBCLI_INDEX another one beside it, two ports further on. */
export async function webcliConfigOf(topology: Topology): Promise<WebcliConfig> {
  const { ports, path, webcliIndex: index, registryPull } = topology;
  return {
    instance: `webcli-${index}`,
    port: ports.webcli + 2 * index,
    statusPort: ports.webcliStatus + 2 * index,
    grantKey: (await grantKeysOf(topology)).publicKey,
    dataDir: path('webcli', String(index)),
    debugImage: `${registryPull}/${baseImageName}`,
  };
}

/** Addresses at which the API finds every webcli. */
export function webcliUrlsOf({ ports, webcliUrls }: Topology): string[] {
  return webcliUrls.length > 0 ? [...webcliUrls] : [`http://127.0.0.1:${ports.webcli}`];
}

/** A webcli in a process of its own. */
export async function startWebcli(topology: Topology): Promise<StartedProcess> {
  const stack = new Stack();
  try {
    const db = stack.use(
      await openDataCenterDatabase({ file: topology.path('data', 'datacenter.db') }),
      (one) => one.$disconnect(),
    );
    const kube = stack.use(new KubeClient(await loadKubeConfig(topology.kubeconfig)), (one) => one.close());
    const running = stack.use(await start(await webcliConfigOf(topology), { db, kube }), (one) => one.stop());
    return { stop: () => stack.stop(), facts: { about: `terminals at ${running.url}` } };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
