import { createHash } from 'node:crypto';
import type { EffectiveVariable } from '@skyarc/prisma/datacenter';
import type { PluginSpec } from '../render/run-spec.ts';

/** Digest of everything that an app's pods have from others: it changes when they are to be configured anew. */
export function inheritedDigest(
  environment: readonly EffectiveVariable[],
  plugins: readonly PluginSpec[],
): string {
  const told = environment
    .filter(({ origin }) => origin === 'DEPENDENCY' || origin === 'CONFIG_SET')
    .map(({ name, value }) => [name, value]);
  const images = plugins.filter(({ isBuilt }) => isBuilt).map(({ name, image }) => [name, image]);
  return createHash('sha256')
    .update(JSON.stringify([told, images]))
    .digest('hex')
    .slice(0, 16);
}
