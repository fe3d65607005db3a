import { join } from 'node:path';
import { createLogger } from '@skyarc/lib/log';
import {
  assembleImage,
  ensureImageKeys,
  type ImageKeys,
  pushImage,
  type RegistryAccount,
  RegistryClient,
} from '@skyarc/lib/oci';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { ensureBaseLayer, pushBase } from './base/base.ts';
import { installDebianPackages } from './base/install.ts';
import { runOverLayers } from './base/layer-command.ts';
import { runtimeRepository, Runtimes } from './base/runtimes.ts';
import { LayerStore, type SharedLayer } from './base/store.ts';
import { type ResolvedChaosConfig, roomOf } from './config.ts';
import type { Shared } from './shared.ts';
import { Inventory } from './steps/attest.ts';
import { discoverUpstreams } from './upstreams.ts';

const log = createLogger('chaos');

/** Names and folders of one builder on its machine. */
export function placeOf(config: ResolvedChaosConfig): Shared['place'] {
  const room = roomOf(config);
  const name = `${config.instance}-chaos-${config.node}`;
  return { room, stateDir: join(room, 'runc'), cgroup: `/${name}`, namePrefix: `${name}-` };
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
  access: RegistryAccess = {},
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
  const base = await ensureBaseLayer(store);
  await pushBase(registry, base);
  let commands = 0;
  const newPlace = () => {
    commands += 1;
    return { id: `${place.namePrefix}install-${commands}`, ...place, env: upstreams.env };
  };
  const runtimes = new Runtimes({
    store,
    publish: (layer) => pushShared(registry, layer),
    base,
    folder: layersFolderOf(config),
    env: upstreams.env,
    installPackages: (installation) => installDebianPackages(newPlace(), installation),
    run: (command) => runOverLayers(newPlace(), command),
  });
  const imageKeys = access.imageKeys ?? (await ensureImageKeys(join(config.dataDir, 'image-signing.key')));
  const inventory = new Inventory();
  return { config, secrets, imageKeys, inventory, registry, base, runtimes, upstreams, place };
}

/** A runtime gets an image of its own, so that apps share its blob and no garbage collection takes it. */
async function pushShared(registry: RegistryClient, shared: SharedLayer): Promise<void> {
  const image = assembleImage([shared.layer], {});
  await pushImage(registry, { repository: runtimeRepository, tag: shared.name }, image, [shared]);
}
