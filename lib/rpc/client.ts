import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { fromConnectError } from './errors.ts';

export interface RpcClientOptions {
  readonly url: string;
  /** For https: what to trust and what to show. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export interface RpcClient<Service extends DescService> {
  /** Calls throw the AppError that the server threw, or UNAVAILABLE when it cannot be reached. */
  readonly calls: Client<Service>;
  /** Ends the connection and every call that still runs. */
  close(): void;
}

/** A client over one HTTP/2 connection that is opened on first use and again whenever it broke. */
export function createRpcClient<Service extends DescService>(
  service: Service,
  options: RpcClientOptions,
): RpcClient<Service> {
  const sessionManager = new Http2SessionManager(
    options.url,
    { pingIntervalMs: 10_000, pingTimeoutMs: 5_000 },
    options.tls,
  );
  const transport = createConnectTransport({
    baseUrl: options.url,
    httpVersion: '2',
    useBinaryFormat: true,
    acceptCompression: [],
    sessionManager,
  });
  const client = createClient(service, transport) as Record<string, (...args: unknown[]) => unknown>;
  const calls: Record<string, unknown> = {};
  for (const method of service.methods) {
    const call = client[method.localName];
    if (!call) continue;
    const isStream = method.methodKind.endsWith('server_streaming') || method.methodKind === 'bidi_streaming';
    calls[method.localName] = isStream
      ? (...args: unknown[]) => translatedStream(() => call(...args) as AsyncIterable<unknown>)
      : (...args: unknown[]) => translatedCall(() => call(...args) as Promise<unknown>);
  }
  return { calls: calls as Client<Service>, close: () => sessionManager.abort() };
}

async function translatedCall<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromConnectError(error);
  }
}

async function* translatedStream<T>(call: () => AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* call();
  } catch (error) {
    throw fromConnectError(error);
  }
}
