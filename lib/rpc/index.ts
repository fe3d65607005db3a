export { createRpcClient, type RpcClient, type RpcClientOptions } from './client.ts';
export { directCall, type DirectCall, type HeaderSource } from './direct.ts';
export { directStream, type DirectStream, type StreamCall, type StreamListener } from './direct-stream.ts';
export { fromConnectError, toConnectError } from './errors.ts';
export { startRpcServer, type RpcServerOptions, type RpcTls } from './server.ts';
