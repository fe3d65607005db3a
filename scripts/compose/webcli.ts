import { baseImageName } from '@skyarc/controllers/chaos';
import type { WebcliConfig } from '@skyarc/controllers/webcli';
import { ensureGrantKeys, type GrantKeys } from '@skyarc/lib/signed-grant';
import type { Topology } from './topology.ts';

const instanceOf = (index: number): string => `webcli-${index}`;

/** What terminals' grants are signed and checked with. */
export function grantKeysOf({ path }: Topology): Promise<GrantKeys> {
  return ensureGrantKeys(path('keys', 'terminal.key'));
}

/** The webcli of this machine. */
export async function webcliConfigOf(topology: Topology): Promise<WebcliConfig> {
  const { ownPorts, path, index, registryPull } = topology;
  return {
    instance: instanceOf(index),
    port: ownPorts.webcli,
    statusPort: ownPorts.webcliStatus,
    grantKey: (await grantKeysOf(topology)).publicKey,
    dataDir: path('webcli', String(index)),
    debugImage: `${registryPull}/${baseImageName}`,
  };
}

/** Addresses at which the API finds every webcli. */
export function webcliUrlsOf({ ports, webcliUrls }: Topology): string[] {
  return webcliUrls.length > 0 ? [...webcliUrls] : [`http://127.0.0.1:${ports.webcli}`];
}

/** What of them the console on this machine reaches itself. */
export function nearbyTerminalsOf({
  ports,
  webcliUrls,
  dataCenter,
}: Topology): Record<string, Record<string, string>> {
  return webcliUrls.length > 0
    ? {}
    : { [dataCenter]: { [instanceOf(0)]: `http://127.0.0.1:${ports.webcli}` } };
}
