import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { pinHost } from '@skyarc/lib/egress';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';

/** One server that packages come from, as this machine's own client is told to ask it. */
export interface Upstream {
  /** Base address, with a final slash and without credentials. */
  readonly url: string;
  /** Sent to this server only, and never shown. */
  readonly authorization?: string;
  /** Of npm: the only scope that it has, e.g. `@acme`. */
  readonly scope?: string;
  /** Hosts that keep this server's files, trusted as it is. */
  readonly fileHosts?: readonly string[];
}

export interface UpstreamOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly restMs: number;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
}

const caBundle = '/etc/ssl/certs/ca-certificates.crt';
const maxRedirects = 5;

/** Asks upstreams, with this machine's proxies and certificates. One that is away is left alone for a while. */
export class UpstreamClient {
  private readonly options: UpstreamOptions;
  private readonly dispatcher: Dispatcher;
  private readonly isProxied: boolean;
  private readonly restingUntil = new Map<string, number>();

  constructor(options: UpstreamOptions) {
    this.options = options;
    const { env, timeoutMs } = options;
    const httpProxy = env['http_proxy'] ?? env['HTTP_PROXY'] ?? '';
    const httpsProxy = env['https_proxy'] ?? env['HTTPS_PROXY'] ?? httpProxy;
    const noProxy = env['no_proxy'] ?? env['NO_PROXY'] ?? '';
    this.isProxied = httpProxy !== '' || httpsProxy !== '';
    const common = {
      connect: { ca: trustedCertificates(), timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connections: 32,
    };
    this.dispatcher = this.isProxied
      ? new EnvHttpProxyAgent({ ...common, httpProxy, httpsProxy, noProxy })
      : new Agent(common);
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  /**
   * The answer of an address below an upstream or of one that the upstream named, redirects followed.
   * Throws UNAVAILABLE when nobody answers or the answer is a server's failure, FORBIDDEN for an address within.
   */
  async get(
    upstream: Upstream,
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<UpstreamAnswer> {
    let target = new URL(url, upstream.url);
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      await this.check(upstream, target);
      const answer = await this.ask(upstream, target, headers);
      const location = answer.headers['location'];
      if (
        answer.status < 300 ||
        answer.status === 304 ||
        answer.status >= 400 ||
        typeof location !== 'string'
      )
        return this.judge(target, answer);
      await answer.body.dump();
      target = new URL(location, target);
    }
    throw new AppError('UNAVAILABLE', `${hostOf(url)} sends in circles`);
  }

  private async ask(
    upstream: Upstream,
    target: URL,
    headers: Readonly<Record<string, string>>,
  ): Promise<UpstreamAnswer> {
    const { origin } = target;
    if ((this.restingUntil.get(origin) ?? 0) > Date.now())
      throw new AppError('UNAVAILABLE', `${target.host} did not answer a moment ago`);
    const isOwn = target.href.startsWith(upstream.url);
    const authorization = isOwn && upstream.authorization ? { authorization: upstream.authorization } : {};
    try {
      const {
        statusCode,
        headers: got,
        body,
      } = await request(target, {
        dispatcher: this.dispatcher,
        headers: { 'user-agent': 'skyarc-repo', ...headers, ...authorization },
      });
      this.restingUntil.delete(origin);
      return { status: statusCode, headers: got, body };
    } catch (error) {
      this.restingUntil.set(origin, Date.now() + this.options.restMs);
      throw new AppError('UNAVAILABLE', `${target.host} does not answer: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  private async judge(target: URL, answer: UpstreamAnswer): Promise<UpstreamAnswer> {
    if (answer.status < 400 || answer.status === 404 || answer.status === 410) return answer;
    await answer.body.dump().catch(() => undefined);
    throw new AppError('UNAVAILABLE', `${target.host} answers ${answer.status}`);
  }

  /** An upstream may name files anywhere, but not make us reach into our own network. */
  private async check(upstream: Upstream, target: URL): Promise<void> {
    const isKnown =
      target.host === new URL(upstream.url).host || upstream.fileHosts?.includes(target.hostname) === true;
    if (isKnown) return;
    if (target.protocol !== 'https:' && target.protocol !== 'http:')
      throw new AppError('FORBIDDEN', `${upstream.url} names an address that is not of the web`);
    if (!this.isProxied) await pinHost(target.hostname, { allowPrivate: false });
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** Node's own roots and those that this machine trusts besides. */
function trustedCertificates(): string[] {
  try {
    return [...rootCertificates, readFileSync(caBundle, 'utf8')];
  } catch {
    return [...rootCertificates];
  }
}
