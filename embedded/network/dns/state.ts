import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ZoneData } from '@skyarc/lib/dns';
import { replaceFile } from '@skyarc/lib/files';

/** All that the name server knows of the cluster, as the file between the cluster's process and it. */
export interface NamesState {
  readonly zones: readonly ZoneData[];
  readonly aliases: readonly AliasZone[];
  readonly forward: ForwardOptions;
}

/** A zone whose names stand for others: `<1>.<2>.<origin>` for `{1}.{2}` in the target, and all below it likewise. */
export interface AliasZone {
  readonly origin: string;
  /** A name with `{1}`, `{2}`, ... for the labels before the origin, from the left. */
  readonly target: string;
}

export interface ForwardOptions {
  /** Names the host's own servers (resolv.conf(5)). */
  readonly resolvConf: string;
  /** Never forwarded to. */
  readonly ownAddress: string;
  /** Zones that have servers of their own, each as `address` or `address:port`. */
  readonly stubs: readonly { readonly origin: string; readonly servers: readonly string[] }[];
}

const fileName = 'state.json';

/** Replaces the state in one step: a reader sees the old one or the new one, also after a crash. */
export async function writeState(folder: string, state: NamesState): Promise<void> {
  await replaceFile(join(folder, fileName), JSON.stringify(state));
}

export async function readState(folder: string): Promise<NamesState> {
  return JSON.parse(await readFile(join(folder, fileName), 'utf8')) as NamesState;
}
