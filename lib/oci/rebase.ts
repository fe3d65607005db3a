import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import { type Image, imageOf } from './image.ts';
import type { Layer } from './layer.ts';

const manifestShape = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string(), size: z.number() })),
});
const configShape = z.looseObject({
  rootfs: z.object({ type: z.string(), diff_ids: z.array(z.string()) }),
  history: z.array(z.looseObject({ empty_layer: z.boolean().optional() })).default([]),
});

/**
 * The same image over another base, without a build: its lowest layers, which must be those of `from`, become
 * those of `to`; all others, and how it runs, stay. Throws CONFLICT when it does not stand on `from`.
 */
export function rebaseImage(
  image: { readonly manifest: Buffer; readonly config: Buffer },
  { from, to }: { readonly from: readonly Layer[]; readonly to: readonly Layer[] },
): Image {
  const { layers } = manifestShape.parse(JSON.parse(image.manifest.toString()));
  const config = configShape.parse(JSON.parse(image.config.toString()));
  const { diff_ids: diffIds } = config.rootfs;
  const standsOnIt = from.every(({ diffId }, index) => diffIds[index] === diffId);
  if (!standsOnIt || layers.length !== diffIds.length)
    throw new AppError('CONFLICT', 'The image does not stand on that base: build it again instead');
  const above = layers.slice(from.length).map((layer, index) => ({
    ...layer,
    diffId: diffIds[from.length + index] as string,
  }));
  const all = [...to, ...above];
  const history = [
    ...to.map(() => ({ created_by: 'skyarc rebase' })),
    ...historyAbove(config.history, from.length),
  ];
  const text = JSON.stringify({
    ...config,
    rootfs: { type: 'layers', diff_ids: all.map(({ diffId }) => diffId) },
    ...(config.history.length > 0 ? { history } : {}),
  });
  return imageOf(Buffer.from(text), all);
}

/** Entries after those that made the lowest layers. */
function historyAbove(history: readonly { readonly empty_layer?: boolean }[], layers: number) {
  let left = layers;
  const first = history.findIndex(({ empty_layer: isEmpty }) => left === 0 || (!isEmpty && left-- === 0));
  return first === -1 ? [] : history.slice(first);
}
