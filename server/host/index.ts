/** What rooms get from the house: who asks, what the data centres say, and who may do what. */
export type {
  Authenticator,
  Credential,
  Directory,
  Identity,
  RequestContext,
  SessionCookie,
  TeamMembership,
  TeamRole,
} from './context.ts';
export { DataCenterClient, type CallScope, type ClientTls } from './data-centers/client.ts';
export { askEverywhere } from './data-centers/everywhere.ts';
export { DataCenterRegistry, type DataCenterEntry } from './data-centers/registry.ts';
export {
  type AppParts,
  type AppPayload,
  type BuildPayload,
  DataCenterScope,
  noAppParts,
  type OperationPayload,
} from './data-centers/scope.ts';
export * as dataCenterDocuments from './generated/datacenter.ts';
export {
  admin,
  checkPolicies,
  anyone,
  identityOf,
  inherited,
  member,
  type Policies,
  requireRole,
  roleIn,
  type Rule,
  type TeamKey,
  viewer,
} from './policy.ts';
export { RateLimiter } from './rate-limiter.ts';
export { startHttpServer } from './server.ts';
export { bindingOf } from './terminal-proxy.ts';
export { buildSubgraph, type Room, type Subgraph, type SubgraphRequest } from './subgraph.ts';
