import { CookieJar } from './cookies.ts';
import type { TypedDocument, VariablesOf } from './document.ts';
import { SkyarcError } from './error.ts';
import { LiveTransport, openSocket } from './live.ts';
import type { ConnectionState, SubscribeOptions } from './live.ts';
import { HttpTransport } from './transport.ts';
import { getFile, putFile, type UploadOptions } from './upload.ts';
import type { Answer, RequestOptions } from './transport.ts';

export interface ClientOptions {
  /** Address of the GraphQL endpoint, e.g. `http://localhost:7070/graphql`. */
  readonly url: string;
  /** API token (`sky_...`); without one the client uses the session that claim or login begins. */
  readonly token?: string;
  readonly fetch?: typeof fetch;
  readonly webSocketImpl?: typeof WebSocket;
  /** How often a broken live connection is made again before it fails; default 20 (about two minutes). */
  readonly retryAttempts?: number;
}

/** The three GraphQL verbs over one endpoint; `SkyarcClient` adds ready-made operations. */
export class GraphQLClient {
  readonly #http: HttpTransport;
  readonly #live: LiveTransport;
  readonly #fetch: typeof fetch;
  /** Address of a path of the server, and what proves who asks. */
  readonly #placeOf: (path: string) => { url: string; headers: Record<string, string> };
  readonly #openSocket: (path: string, protocols: string[]) => WebSocket;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = 'idle';

  constructor(options: ClientOptions) {
    const { url, token, retryAttempts = 20 } = options;
    const inBrowser = 'document' in globalThis;
    const cookies = inBrowser ? undefined : new CookieJar();
    const credentials = { ...(token && { token }), ...(cookies && { cookies }) };
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#http = new HttpTransport({ url, fetch: this.#fetch, ...credentials });
    this.#placeOf = (path) => {
      const cookie = cookies?.header();
      const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(cookie && { cookie }) };
      const base = inBrowser ? new URL(url, globalThis.document.baseURI) : url;
      return { url: new URL(path, base).href, headers };
    };
    const webSocketImpl = options.webSocketImpl ?? globalThis.WebSocket;
    this.#openSocket = (path, protocols) =>
      openSocket(new URL(path, url.replace(/^http/, 'ws')).href, protocols, {
        webSocketImpl,
        ...credentials,
      });
    this.#live = new LiveTransport({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl,
      retryAttempts,
      onState: (state) => this.#setState(state),
      ...credentials,
    });
  }

  /** A WebSocket to another path of the same server, with this client's credentials. */
  openSocket(path: string, protocols: string[]): WebSocket {
    return this.#openSocket(path, protocols);
  }

  /** Sends a file to another path of the same server, with this client's credentials. */
  putFile(path: string, content: Blob, options: UploadOptions = {}): Promise<void> {
    const { url, headers } = this.#placeOf(path);
    const type = { 'content-type': 'application/octet-stream' };
    const put = { url, content, headers: { ...headers, ...type }, fetch: this.#fetch };
    return putFile(put, options);
  }

  /** The bytes of another path of the same server, with this client's credentials, as they come. */
  getFile(path: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return getFile({ ...this.#placeOf(path), fetch: this.#fetch }, signal);
  }

  /** State of the live connection. */
  get connectionState(): ConnectionState {
    return this.#state;
  }

  /** Calls the listener at each change of the live connection's state; returns the way to stop that. */
  onConnectionState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks, and gives what could be answered beside the errors; throws only when nothing was answered at all. */
  async execute<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    variables?: Variables,
    options?: RequestOptions,
  ): Promise<Answer<Result>> {
    return await this.#http.send(document, variables, options);
  }

  /** Asks; throws the first error of the answer. */
  async query<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    ...[variables]: VariablesOf<Variables>
  ): Promise<Result> {
    return dataOf(await this.#http.send(document, variables));
  }

  /** Changes something; throws the first error of the answer. */
  async mutate<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    ...[variables]: VariablesOf<Variables>
  ): Promise<Result> {
    return dataOf(await this.#http.send(document, variables));
  }

  /** Follows something until the server completes it, the signal aborts it or the loop over it is left. */
  subscribe<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    variables?: Variables,
    options?: SubscribeOptions,
  ): AsyncGenerator<Result, void, undefined> {
    return this.#live.subscribe(document, variables, options);
  }

  /** Ends the live connection and every subscription. */
  async dispose(): Promise<void> {
    await this.#live.dispose();
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

function dataOf<Result>(answer: Answer<Result>): Result {
  const [error] = answer.errors;
  if (error) throw error;
  if (answer.data === null) throw new SkyarcError('INTERNAL', 'The Skyarc server answered without data');
  return answer.data;
}
