import { join } from 'node:path';
import { z } from 'zod';
import { apiServerConfigSchema } from './apiserver/config.ts';
import { controllersConfigSchema } from './controllers/config.ts';
import { kubeletConfigSchema } from './kubelet/config.ts';
import { networkConfigSchema } from './network/config.ts';

/** Configuration of the single-machine Kubernetes; one instance needs its own home, networks and ports. */
export const embeddedConfigSchema = z.strictObject({
  /** Names everything made on this machine: link, nftables table, cgroup. Linux bounds a link's name. */
  instance: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,13}$/)
    .default('skyarc'),
  /** Absolute folder of all state; short, since unix sockets lie in it. */
  home: z.string().regex(/^\//),
  podCidr: z.cidrv4().default('10.88.0.0/16'),
  serviceCidr: z.cidrv4().default('10.96.0.0/16'),
  etcdUrl: z.string(),
  apiServer: apiServerConfigSchema
    .pick({ host: true, port: true, names: true, etcdPrefix: true, advertise: true })
    .strict(),
  controllers: controllersConfigSchema.prefault({}),
  kubelet: kubeletConfigSchema.partial({ podLogRoot: true }).prefault({}),
  network: networkConfigSchema.prefault({}),
});

export type EmbeddedConfig = z.output<typeof embeddedConfigSchema>;
export type EmbeddedInput = z.input<typeof embeddedConfigSchema>;

/** Where an instance keeps what. */
export function foldersOf({ home, kubelet }: Pick<EmbeddedConfig, 'home' | 'kubelet'>) {
  return {
    pki: join(home, 'pki'),
    engine: join(home, 'containerd'),
    kubelet: join(home, 'kubelet'),
    cniConfig: join(home, 'cni', 'conf'),
    cniState: join(home, 'cni', 'state'),
    network: join(home, 'network'),
    podLogs: kubelet.podLogRoot ?? join(home, 'pod-logs'),
  };
}
