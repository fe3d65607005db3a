import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { Channel, fromGraphQLErrors, type GraphQLErrorPayload } from '@skyarc/lib/graphql';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { tunnel, type Upgrade } from '@skyarc/lib/tunnel';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

/** Of a file's answer, what a browser should know. */
const passedHeaders = new Set([
  'content-type',
  'content-length',
  'content-disposition',
  'cache-control',
  'x-content-type-options',
]);

/** PEM texts: the authority to trust and the console's own certificate. */
export interface ClientTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** For whom a call is made: names of teams (or `*` for administrators' reads) and the person. */
export interface CallScope {
  readonly teams: readonly string[];
  readonly actor: string;
}

export interface SubscribeOptions<Data, Variables> {
  readonly scope: CallScope;
  /** Variables of the next attempt, once this was the last thing received. */
  readonly resume?: (last: Data, variables: Variables) => Variables;
}

const callTimeoutMs = 15_000;
const texts = new WeakMap<object, string>();

/** Speaks with one data centre's API over mutual TLS, on connections that are kept. */
export class DataCenterClient {
  readonly name: string;
  private readonly url: string;
  private readonly tls: ClientTls;
  private readonly agent: https.Agent;
  private readonly sockets = new Map<string, Client>();
  private isClosed = false;

  constructor(name: string, url: string, tls: ClientTls) {
    this.name = name;
    this.url = url.replace(/\/$/, '');
    this.tls = tls;
    this.agent = new https.Agent({ ...tls, keepAlive: true, maxSockets: 64, scheduling: 'lifo' });
  }

  /** The answer's data. Throws what the data centre threw, UNAVAILABLE when it cannot be reached. */
  async call<Data, Variables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    scope: CallScope,
  ): Promise<Data> {
    const body = JSON.stringify({ query: textOf(document), variables });
    const text = await this.post(body, scope);
    let answer: { data?: Data | null; errors?: GraphQLErrorPayload[] };
    try {
      answer = JSON.parse(text) as typeof answer;
    } catch (cause) {
      throw this.unreachable('it answers something that is not GraphQL', cause);
    }
    if (answer.errors?.length) throw fromGraphQLErrors(answer.errors);
    if (!answer.data) throw this.unreachable('its answer is empty');
    return answer.data;
  }

  /**
   * Events of a subscription. A broken connection is opened again, with back-off and from where it broke;
   * ends with the data centre's own error, or when it completes there or is returned here.
   */
  subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    options: SubscribeOptions<Data, Variables>,
  ): Channel<Data> {
    const canceled = new AbortController();
    const events = new Channel<Data>(() => canceled.abort());
    void this.follow(document, variables, options, events, canceled.signal).catch((error: unknown) =>
      events.end(error),
    );
    return events;
  }

  /** Passes an upgrade on to the same path there, as bytes. Throws UNAVAILABLE before anything was sent. */
  async tunnel(upgrade: Upgrade, path: string): Promise<void> {
    await tunnel(upgrade, { url: new URL(this.url + path), tls: this.tls }).catch((error: unknown) => {
      throw this.unreachable(messageOf(error), error);
    });
  }

  /**
   * Passes a request's bytes on to a path there, and the answer back; neither is held in memory. Resolves when the
   * answer is whole. Throws UNAVAILABLE before anything was answered.
   */
  pass(
    incoming: IncomingMessage,
    response: ServerResponse,
    { path, headers }: { readonly path: string; readonly headers: Readonly<Record<string, string>> },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const length = incoming.headers['content-length'];
      const request = https.request(
        `${this.url}${path}`,
        {
          method: incoming.method,
          // A connection of its own: it lives as long as the bytes take.
          agent: new https.Agent({ ...this.tls, maxSockets: 1 }),
          headers: { ...headers, ...(length && { 'content-length': length }) },
        },
        (answer) => {
          const said = Object.entries(answer.headers).filter(([name]) => passedHeaders.has(name));
          // An answer before the end of the bytes is a refusal: the rest is not waited for.
          const early = incoming.complete ? {} : { connection: 'close' };
          response.writeHead(answer.statusCode ?? 502, { ...Object.fromEntries(said), ...early });
          pipeline(answer, response).then(resolve, reject);
        },
      );
      request.once('error', (error) => {
        if (!response.headersSent) reject(this.unreachable(messageOf(error), error));
      });
      incoming.once('error', () => request.destroy());
      incoming.once('close', () => incoming.complete || request.destroy());
      incoming.pipe(request);
    });
  }

  close(): void {
    this.isClosed = true;
    this.agent.destroy();
    for (const socket of this.sockets.values()) void socket.dispose();
  }

  private async follow<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    start: Variables,
    options: SubscribeOptions<Data, Variables>,
    events: Channel<Data>,
    signal: AbortSignal,
  ): Promise<void> {
    let variables = start;
    for (let attempt = 1; !signal.aborted && !this.isClosed; attempt += 1) {
      const outcome = await new Promise<unknown>((resolve) => {
        const dispose = this.socketFor(options.scope).subscribe<Data>(
          { query: textOf(document), variables },
          {
            next: ({ data, errors }) => {
              attempt = 0;
              if (errors?.length) return resolve(fromGraphQLErrors(errors));
              if (!data) return;
              variables = options.resume?.(data, variables) ?? variables;
              events.push(data);
            },
            error: (error) => resolve(Array.isArray(error) ? fromGraphQLErrors(error as never) : error),
            complete: () => resolve(null),
          },
        );
        const leave = (): void => {
          dispose();
          resolve(null);
        };
        signal.addEventListener('abort', leave, { once: true });
      });
      if (outcome === null) return events.end();
      if (outcome instanceof AppError && outcome.code !== 'UNAVAILABLE') return events.end(outcome);
      await sleep(backoffMs(attempt, 200, 5_000), signal).catch(() => undefined);
    }
  }

  /** One connection for each scope, because a connection's payload says for whom it is. */
  private socketFor(scope: CallScope): Client {
    const key = JSON.stringify([scope.teams, scope.actor]);
    const known = this.sockets.get(key);
    if (known) return known;
    const { tls } = this;
    const client = createClient({
      url: `${this.url.replace(/^http/, 'ws')}/graphql`,
      connectionParams: headersOf(scope),
      retryAttempts: 0,
      lazy: true,
      keepAlive: 10_000,
      webSocketImpl: class extends WebSocket {
        constructor(address: string, protocols: string[]) {
          super(address, protocols, { ...tls, handshakeTimeout: callTimeoutMs });
        }
      },
      on: {
        closed: () => {
          if (this.sockets.get(key) === client) this.sockets.delete(key);
        },
      },
    });
    this.sockets.set(key, client);
    return client;
  }

  private post(body: string, scope: CallScope): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = https.request(
        `${this.url}/graphql`,
        {
          method: 'POST',
          agent: this.agent,
          timeout: callTimeoutMs,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            ...headersOf(scope),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
          response.once('error', (error) => reject(this.unreachable(error.message, error)));
        },
      );
      request.once('timeout', () => request.destroy(new Error(`no answer within ${callTimeoutMs} ms`)));
      request.once('error', (error) => reject(this.unreachable(messageOf(error), error)));
      request.end(body);
    });
  }

  private unreachable(why: string, cause?: unknown): AppError {
    return new AppError('UNAVAILABLE', `Data centre "${this.name}" cannot be reached: ${why}`, {
      details: { dataCenter: this.name },
      cause,
    });
  }
}

function headersOf(scope: CallScope): Record<string, string> {
  return { 'x-skyarc-teams': scope.teams.join(','), 'x-skyarc-actor': encodeURIComponent(scope.actor) };
}

function textOf(document: object): string {
  const known = texts.get(document);
  if (known !== undefined) return known;
  const text = print(document as never);
  texts.set(document, text);
  return text;
}
