export { forwardingFields } from './forwarding.ts';
export { matchingFields } from './matching.ts';
export { placeFields } from './place.ts';
export { basicAuthFields, protectionFields } from './protection.ts';
export type { RouteChoices } from './shared.ts';
