import { join } from 'node:path';
import { createLogger } from '@skyarc/lib/log';
import { ensureImageKeys, type ImageKeys, type RegistryAccount, RegistryClient } from '@skyarc/lib/oci';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { ensureBaseLayer, pushBase } from './base/base.ts';
import { installDebianPackages } from './base/install.ts';
import { runOverLayers } from './base/layer-command.ts';
import { Runtimes } from './base/runtimes.ts';
import { SharedImages } from './base/shared-images.ts';
import { LayerStore } from './base/store.ts';
import { type ResolvedChaosConfig, roomOf } from './config.ts';
import { KeptDisks } from './sandbox/kept-disks.ts';
import type { Shared } from './shared.ts';
import { Inventory } from './steps/attest.ts';
import { discoverUpstreams } from './upstreams.ts';

const log = createLogger('chaos');
/** In this process: what is prepared anew while builds go on must not meet them. */
let commands = 0;

/** Names and folders of one builder on its machine. */
export function placeOf(config: ResolvedChaosConfig): Shared['place'] {
  const room = roomOf(config);
  const name = `${config.instance}-chaos-${config.node}`;
  return { room, stateDir: join(room, 'runc'), cgroup: `/${name}`, namePrefix: `${name}-` };
}

/** Disks of apps that stay mounted, among what a sweep of the place removes. */
export function keptDisksAt({ room }: Shared['place']): KeptDisks {
  return new KeptDisks(join(room, 'disks'));
}

/** Where base and runtimes are kept. */
export function layersFolderOf(config: ResolvedChaosConfig): string {
  return config.layersDir ?? join(config.dataDir, 'layers');
}

/** What a builder may do at the registry. */
export interface RegistryAccess {
  /** Absent at a registry that asks nobody. */
  readonly registryAccount?: RegistryAccount;
  /** What it signs with; a pair of its own when absent, which nobody else trusts. */
  readonly imageKeys?: ImageKeys;
}

/** Everything that builds share; makes and pushes the base when it is not there. */
export async function prepare(
  config: ResolvedChaosConfig,
  secrets: SecretBox,
  signal: AbortSignal,
  { disks = keptDisksAt(placeOf(config)), ...access }: RegistryAccess & { readonly disks?: KeptDisks } = {},
): Promise<Shared> {
  const upstreams = await discoverUpstreams(config.clientEnv, config.repo?.url ?? null);
  const registry = new RegistryClient({
    url: config.registryUrl,
    account: access.registryAccount,
    patienceMs: config.limits.registryPatienceMs,
    signal,
    onWait: (reason) => log.warn({ reason }, 'waiting for the registry'),
  });
  const place = placeOf(config);
  const store = new LayerStore(layersFolderOf(config));
  const imageKeys = access.imageKeys ?? (await ensureImageKeys(join(config.dataDir, 'image-signing.key')));
  const images = new SharedImages(registry, imageKeys);
  const base = await ensureBaseLayer(store, { images });
  await pushBase(images, base);
  const newPlace = () => {
    commands += 1;
    return { id: `${place.namePrefix}install-${commands}`, ...place, env: upstreams.env };
  };
  const runtimes = new Runtimes({
    store,
    images,
    base,
    folder: layersFolderOf(config),
    env: upstreams.env,
    installPackages: (installation) => installDebianPackages(newPlace(), installation),
    run: (command) => runOverLayers(newPlace(), command),
  });
  const inventory = new Inventory();
  return { config, secrets, imageKeys, inventory, registry, images, base, runtimes, upstreams, place, disks };
}
