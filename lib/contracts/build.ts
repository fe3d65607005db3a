import { z } from 'zod';

/** What a layer of an image is for; IMAGE: of an image that somebody else made, or a step of a Dockerfile. */
export const layerKind = z.enum(['BASE', 'RUNTIME', 'DEPENDENCIES', 'APP', 'IMAGE']);
export type LayerKind = z.infer<typeof layerKind>;

/** One layer of a built image, the lowest first. */
export const builtLayer = z.object({
  kind: layerKind,
  /** `base-bookworm`, `nodejs-24.21.0`, or its place in the image: `app/node_modules`. */
  name: z.string(),
  digest: z.string(),
  /** Compressed. */
  sizeBytes: z.number(),
  /** True: it was there before; false: this build made it. */
  isFromCache: z.boolean(),
});
export type BuiltLayer = z.infer<typeof builtLayer>;

/** Digest of the base that an image stands on; undefined when it stands on none of ours. */
export function baseOf(layers: readonly BuiltLayer[]): string | undefined {
  return layers[0]?.kind === 'BASE' ? layers[0].digest : undefined;
}
