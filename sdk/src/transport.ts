import type { CookieJar } from './cookies.ts';
import { textOf } from './document.ts';
import type { TypedDocument } from './document.ts';
import { SkyarcError, canceled, fromAnswer, unreachable } from './error.ts';
import type { GraphQLErrorAnswer } from './error.ts';

/** Data and errors of one answer; both are there when a part of the installation could not be asked. */
export interface Answer<Result> {
  readonly data: Result | null;
  readonly errors: readonly SkyarcError[];
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

export interface HttpTransportOptions {
  /** Address of the endpoint, e.g. `http://localhost:7070/graphql`. */
  readonly url: string;
  readonly token?: string;
  readonly fetch: typeof fetch;
  /** Set where no browser keeps cookies. */
  readonly cookies?: CookieJar;
}

interface RawAnswer<Result> {
  readonly data?: Result | null;
  readonly errors?: readonly GraphQLErrorAnswer[];
}

/** Queries and mutations by HTTP POST (GraphQL over HTTP). */
export class HttpTransport {
  readonly #options: HttpTransportOptions;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
  }

  async send<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    variables: Variables | undefined,
    { signal }: RequestOptions = {},
  ): Promise<Answer<Result>> {
    const response = await this.#post(JSON.stringify({ query: textOf(document), variables }), signal);
    const raw = (await response.json().catch(() => null)) as RawAnswer<Result> | null;
    if (!raw || typeof raw !== 'object' || (raw.data === undefined && !raw.errors)) {
      const code = response.status === 401 ? 'UNAUTHENTICATED' : 'UNAVAILABLE';
      throw new SkyarcError(code, `The Skyarc server answered ${response.status} without a GraphQL answer`);
    }
    return { data: raw.data ?? null, errors: (raw.errors ?? []).map(fromAnswer) };
  }

  async #post(body: string, signal: AbortSignal | undefined): Promise<Response> {
    const { url, token, cookies, fetch } = this.#options;
    const cookie = cookies?.header();
    try {
      const response = await fetch(url, {
        method: 'POST',
        credentials: 'include',
        headers: {
          'content-type': 'application/json',
          accept: 'application/graphql-response+json, application/json',
          ...(token && { authorization: `Bearer ${token}` }),
          ...(cookie && { cookie }),
        },
        body,
        ...(signal && { signal }),
      });
      cookies?.store(response.headers.getSetCookie());
      return response;
    } catch (error) {
      throw signal?.aborted ? canceled(error) : unreachable(error);
    }
  }
}
