export { parseReference, type RemoteReference } from './reference.ts';
export { type RemoteImage, RemoteRegistry, type RemoteRegistryOptions } from './registry.ts';
