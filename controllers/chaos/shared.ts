import type { ImageKeys, RegistryClient } from '@skyarc/lib/oci';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { Runtimes } from './base/runtimes.ts';
import type { SharedImages } from './base/shared-images.ts';
import type { SharedLayer } from './base/store.ts';
import type { ResolvedChaosConfig } from './config.ts';
import type { KeptDisks } from './sandbox/kept-disks.ts';
import type { Inventory } from './steps/attest.ts';
import type { Upstreams } from './upstreams.ts';

/** What all builds of one builder share. */
export interface Shared {
  readonly config: ResolvedChaosConfig;
  readonly secrets: SecretBox;
  readonly registry: RegistryClient;
  /** What images and what is said of them are signed with. */
  readonly imageKeys: ImageKeys;
  readonly inventory: Inventory;
  /** Base and runtimes for other builders. */
  readonly images: SharedImages;
  readonly base: SharedLayer;
  readonly runtimes: Runtimes;
  readonly upstreams: Upstreams;
  readonly disks: KeptDisks;
  /** Folders and names of this builder on its machine. */
  readonly place: {
    readonly room: string;
    readonly stateDir: string;
    readonly cgroup: string;
    readonly namePrefix: string;
  };
}
