export { assembleImage, type Image, type ImageConfig, imageOf } from './image.ts';
export {
  type Descriptor,
  digestOf,
  type Layer,
  mediaTypes,
  writeLayer,
  type WriteLayerOptions,
} from './layer.ts';
export { pushImage, type LayerSource } from './push.ts';
export { RegistryClient, type RegistryOptions } from './registry.ts';
