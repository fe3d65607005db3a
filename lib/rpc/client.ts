import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { AppError } from '@skyarc/lib/errors';
import { fromConnectError } from './errors.ts';

export interface RpcClientOptions {
  /** Of one server, or of several alike with commas between them. */
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

/**
 * A client over one HTTP/2 connection that is opened on first use and again whenever it broke. Of several servers
 * the first is asked until it is UNAVAILABLE, which its caller is told; what is asked then goes to the next one.
 */
export function createRpcClient<Service extends DescService>(
  service: Service,
  options: RpcClientOptions,
): RpcClient<Service> {
  const servers = options.url.split(',').map((url) => connect(service, url, options.tls));
  let current = 0;
  const failed = (server: number, error: unknown): AppError => {
    const failure = fromConnectError(error);
    if (failure.code === 'UNAVAILABLE' && server === current) current = (server + 1) % servers.length;
    return failure;
  };
  const calls: Record<string, unknown> = {};
  for (const { localName, methodKind } of service.methods) {
    const on = (server: number) => servers[server]?.methods[localName] as (...args: unknown[]) => unknown;
    const call = async (...args: unknown[]) => {
      const server = current;
      try {
        return await on(server)(...args);
      } catch (error) {
        throw failed(server, error);
      }
    };
    const stream = async function* (...args: unknown[]) {
      const server = current;
      try {
        yield* on(server)(...args) as AsyncIterable<unknown>;
      } catch (error) {
        throw failed(server, error);
      }
    };
    const isStream = methodKind.endsWith('server_streaming') || methodKind === 'bidi_streaming';
    calls[localName] = isStream ? stream : call;
  }
  return {
    calls: calls as Client<Service>,
    close: () => {
      for (const { sessionManager } of servers) sessionManager.abort();
    },
  };
}

function connect(service: DescService, url: string, tls: RpcClientOptions['tls']) {
  const sessionManager = new Http2SessionManager(url, { pingIntervalMs: 10_000, pingTimeoutMs: 5_000 }, tls);
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: '2',
    useBinaryFormat: true,
    acceptCompression: [],
    sessionManager,
  });
  return { methods: createClient(service, transport) as Record<string, unknown>, sessionManager };
}
