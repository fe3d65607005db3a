import { createClient } from 'graphql-ws';
import type { Client, FormattedExecutionResult } from 'graphql-ws';
import type { CookieJar } from './cookies.ts';
import { textOf } from './document.ts';
import type { TypedDocument } from './document.ts';
import { SkyarcError, fromAnswer, unreachable } from './error.ts';
import type { GraphQLErrorAnswer } from './error.ts';
import { Stream } from './stream.ts';

/** `idle`: nothing is followed; `lost`: the connection broke and is being made again. */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'lost';

export interface LiveTransportOptions {
  /** `ws://` or `wss://` address of the endpoint. */
  readonly url: string;
  readonly token?: string;
  readonly webSocketImpl: typeof WebSocket;
  readonly cookies?: CookieJar;
  /** How often a broken connection is made again before subscriptions fail. */
  readonly retryAttempts: number;
  readonly onState: (state: ConnectionState) => void;
}

export interface SubscribeOptions {
  /** Ends the subscription quietly. */
  readonly signal?: AbortSignal;
}

const pingMs = 12_000;
const pongMs = 6_000;
const longestPauseMs = 8_000;

/** Subscriptions over one shared WebSocket (graphql-transport-ws): made when first needed, made again when it breaks. */
export class LiveTransport {
  readonly #client: Client;
  readonly #options: LiveTransportOptions;
  #pongTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveTransportOptions) {
    this.#options = options;
    const { url, token, onState } = options;
    this.#client = createClient({
      url,
      webSocketImpl: withCookies(options.webSocketImpl, options.cookies),
      ...(token && { connectionParams: { authorization: `Bearer ${token}` } }),
      lazyCloseTimeout: 2_000,
      keepAlive: pingMs,
      retryAttempts: options.retryAttempts,
      // A refusal is an answer; everything else is a broken line.
      shouldRetry: (cause) => !isRefusal(cause),
      retryWait: async (retries) => {
        onState('lost');
        const pauseMs = Math.min(250 * 2 ** retries, longestPauseMs);
        await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.7 + Math.random() * 0.6)));
      },
      on: {
        connecting: (isRetry) => onState(isRetry ? 'lost' : 'connecting'),
        connected: () => onState('connected'),
        closed: (event) => onState((event as CloseEvent).code === 1000 ? 'idle' : 'lost'),
        ping: (received) => {
          if (!received) this.#awaitPong();
        },
        pong: (received) => {
          if (received) clearTimeout(this.#pongTimer);
        },
      },
    });
  }

  /**
   * Follows a subscription. `variables` are read again whenever the connection is made anew, so the owner of the
   * object may move a cursor in it. Throws SkyarcError when the server ends it with an error.
   */
  async *subscribe<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    variables: Variables | undefined,
    { signal }: SubscribeOptions = {},
  ): AsyncGenerator<Result, void, undefined> {
    if (signal?.aborted) return;
    const stream = new Stream<Result>();
    const end = (): void => stream.end();
    signal?.addEventListener('abort', end, { once: true });
    const stop = this.#client.subscribe<Result>(
      { query: textOf(document), variables: variables as Record<string, unknown> | undefined },
      {
        next: (answer) => push(stream, answer),
        error: (cause) => stream.fail(errorOf(cause)),
        complete: end,
      },
    );
    try {
      yield* stream;
    } finally {
      signal?.removeEventListener('abort', end);
      stop();
    }
  }

  /** Ends the connection and every subscription on it. */
  async dispose(): Promise<void> {
    clearTimeout(this.#pongTimer);
    await this.#client.dispose();
  }

  // A line that is cut silently (sleep, a pulled cable) shows only by a pong that does not come.
  #awaitPong(): void {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = setTimeout(() => {
      this.#options.onState('lost');
      this.#client.terminate();
    }, pongMs);
  }
}

function push<Result>(stream: Stream<Result>, answer: FormattedExecutionResult<Result, unknown>): void {
  if (answer.data) stream.push(answer.data);
  else if (answer.errors?.[0]) stream.fail(fromAnswer(answer.errors[0]));
}

function errorOf(cause: unknown): SkyarcError {
  if (Array.isArray(cause)) {
    const [first] = cause as GraphQLErrorAnswer[];
    if (first) return fromAnswer(first);
  }
  if (isRefusal(cause)) return new SkyarcError('UNAUTHENTICATED', 'Log in to follow this', { cause });
  return unreachable(cause);
}

// 4400-4499 are the protocol's own close codes; 4408 and 4499 mean a line that went silent.
function isRefusal(cause: unknown): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : 0;
  return code === 4400 || code === 4401 || code === 4403 || code === 4406;
}

/** A WebSocket of another protocol, with the same credentials; a browser brings its cookies by itself. */
export function openSocket(
  url: string,
  protocols: string[],
  { token, cookies, webSocketImpl }: Pick<LiveTransportOptions, 'token' | 'cookies' | 'webSocketImpl'>,
): WebSocket {
  const cookie = cookies?.header();
  const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(cookie && { cookie }) };
  if (Object.keys(headers).length === 0) return new webSocketImpl(url, protocols);
  const open = webSocketImpl as unknown as OpenWebSocket;
  return new open(url, { protocols, headers }) as WebSocket;
}

type OpenWebSocket = new (url: string | URL, init?: unknown) => object;

// Node's WebSocket takes headers beside the protocols; a browser adds its cookies itself.
function withCookies(implementation: typeof WebSocket, cookies: CookieJar | undefined): typeof WebSocket {
  if (!cookies) return implementation;
  const jar = cookies;
  class WebSocketWithCookies extends (implementation as unknown as OpenWebSocket) {
    constructor(url: string | URL, protocols?: string | string[]) {
      const cookie = jar.header();
      super(url, cookie ? { protocols, headers: { cookie } } : protocols);
    }
  }
  return WebSocketWithCookies as unknown as typeof WebSocket;
}
