import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CniOptions {
  readonly instance: string;
  readonly podCidr: string;
  /** Where address leases are kept. */
  readonly stateFolder: string;
}

/**
 * The CNI network list (CNI spec 0.4.0) of a pod: a veth pair whose host end is routed, not bridged. So all
 * traffic, also between pods, passes the host's IP layer: service translation sees both directions, and
 * policies see true addresses, without the br_netfilter module. Masquerading is left to our own nftables
 * table: the plugin's `ipMasq` needs iptables.
 */
export function renderCniConfig(options: CniOptions): string {
  const network = {
    cniVersion: '0.4.0',
    name: options.instance,
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: options.stateFolder,
          ranges: [[{ subnet: options.podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
  return `${JSON.stringify(network, null, 2)}\n`;
}

/** Writes the network list where containerd looks for it. */
export async function writeCniConfig(folder: string, options: CniOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `10-${options.instance}.conflist`), renderCniConfig(options));
}
