export { Channel } from './channel.ts';
export { allOf, formatErrors, fromGraphQLErrors, type GraphQLErrorPayload } from './errors.ts';
export { readJson, serveHttp, type HttpOptions } from './http.ts';
export type { GraphQLLimits } from './limits.ts';
export { mapEvents } from './map.ts';
export {
  OperationStore,
  type GraphQLRequest,
  type OperationResult,
  type PreparedOperation,
} from './operation.ts';
export { serveWebSocket, type WebSocketConnection, type WebSocketOptions } from './ws.ts';
