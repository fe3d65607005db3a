import { openAsBlob } from 'node:fs';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { retry } from '@skyarc/lib/retry';
import { digestOf, mediaTypes } from './layer.ts';
import { type RegistryAccount, TokenWallet } from './tokens.ts';

export interface RegistryOptions {
  /** e.g. `http://127.0.0.1:5000`. */
  readonly url: string;
  /** Who asks, at a registry that wants to know. */
  readonly account?: RegistryAccount;
  /** How long a registry that is away is waited for; default 300 000 ms. */
  readonly patienceMs?: number;
  /** Told each time before it waits. */
  readonly onWait?: (reason: string) => void;
  readonly signal?: AbortSignal;
}

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: () => Promise<Blob | string> | Blob | string;
  /** Statuses that are an answer and not an error. */
  readonly expect: readonly number[];
}

/** Bytes of a manifest or of an artifact's part that are read into memory, at most. */
const maxReadBytes = 32 << 20;
const manifestTypes = [mediaTypes.manifest, mediaTypes.index].join(', ');

/**
 * Client of a registry (OCI distribution-spec 1.1). Every call waits for a registry that is away and goes
 * on when it is back; throws UNAVAILABLE when patience ends, CANCELED by the signal, FORBIDDEN or EXHAUSTED when
 * the account may not, CONFLICT for a manifest whose parts are not there, INTERNAL when refused otherwise.
 */
export class RegistryClient {
  private readonly options: RegistryOptions;
  private readonly wallet: TokenWallet;

  constructor(options: RegistryOptions, wallet = new TokenWallet(options.account)) {
    this.options = options;
    this.wallet = wallet;
  }

  /** The same registry, for one piece of work with its own signal and listener. */
  with(options: Partial<Omit<RegistryOptions, 'account'>>): RegistryClient {
    return new RegistryClient({ ...this.options, ...options }, this.wallet);
  }

  async hasBlob(repository: string, digest: string): Promise<boolean> {
    const path = `/v2/${repository}/blobs/${digest}`;
    return (await this.call(path, { method: 'HEAD', expect: [200, 404] })).status === 200;
  }

  /** Makes a blob of another repository one of this one without moving bytes; false when it is not there. */
  async mountBlob(repository: string, digest: string, from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const path = `/v2/${repository}/blobs/uploads/?${query.toString()}`;
    const response = await this.call(path, { method: 'POST', expect: [201, 202] });
    if (response.status === 202) await this.cancelUpload(response);
    return response.status === 201;
  }

  /** Uploads in one piece; the registry checks the digest. */
  async putBlob(repository: string, digest: string, content: { file: string } | Buffer): Promise<void> {
    const body = async () =>
      Buffer.isBuffer(content) ? new Blob([new Uint8Array(content)]) : openAsBlob(content.file);
    await this.patiently(async () => {
      const begun = await this.once(`/v2/${repository}/blobs/uploads/`, { method: 'POST', expect: [202] });
      const location = new URL(begun.headers.get('location') ?? '', this.options.url);
      location.searchParams.set('digest', digest);
      const headers = { 'content-type': 'application/octet-stream' };
      await this.once(location, { method: 'PUT', headers, body, expect: [201] });
    });
  }

  /** The bytes of a small blob, checked against its digest, or null. Throws CONFLICT when they are not what it names. */
  async findBlob(repository: string, digest: string): Promise<Buffer | null> {
    const response = await this.call(`/v2/${repository}/blobs/${digest}`, { expect: [200, 404] });
    if (response.status === 404) return null;
    const bytes = await readSome(response);
    if (digestOf(bytes) !== digest) throw altered(repository, digest);
    return bytes;
  }

  /** A blob of any size as it comes, not checked. Throws NOT_FOUND. */
  async openBlob(repository: string, digest: string): Promise<ReadableStream<Uint8Array>> {
    const response = await this.call(`/v2/${repository}/blobs/${digest}`, { expect: [200, 404] });
    if (response.status === 404 || response.body === null)
      throw new AppError('NOT_FOUND', `The registry has no ${digest} in ${repository} any more`);
    return response.body;
  }

  /** Stores a manifest or index under its digest and, when given, a tag. Answers the digest. */
  async putManifest(
    repository: string,
    manifest: Buffer,
    tag?: string,
    mediaType: string = mediaTypes.manifest,
  ): Promise<string> {
    const digest = digestOf(manifest);
    await this.call(`/v2/${repository}/manifests/${tag ?? digest}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: () => manifest.toString(),
      expect: [201],
    });
    return digest;
  }

  /** The manifest or index of a tag or digest, or null. Throws CONFLICT when it is not what its digest names. */
  async findManifest(repository: string, reference: string): Promise<Buffer | null> {
    const response = await this.call(`/v2/${repository}/manifests/${reference}`, {
      headers: { accept: manifestTypes },
      expect: [200, 404],
    });
    if (response.status === 404) return null;
    const bytes = await readSome(response);
    if (reference.startsWith('sha256:') && digestOf(bytes) !== reference)
      throw altered(repository, reference);
    return bytes;
  }

  /** Removes a manifest; false when it was not there. Blobs go with the registry's garbage collection. */
  async deleteManifest(repository: string, digest: string): Promise<boolean> {
    const path = `/v2/${repository}/manifests/${digest}`;
    return (await this.call(path, { method: 'DELETE', expect: [202, 404] })).status === 202;
  }

  private call(path: string, call: Call): Promise<Response> {
    return this.patiently(() => this.once(path, call));
  }

  private patiently<T>(run: () => Promise<T>): Promise<T> {
    const { signal, onWait, patienceMs = 300_000 } = this.options;
    const until = Date.now() + patienceMs;
    return retry(run, {
      signal,
      baseMs: 250,
      maxMs: 3_000,
      retryable: (error) => (error as AppError).code === 'UNAVAILABLE' && Date.now() < until,
      onRetry: (error) => onWait?.(messageOf(error)),
    });
  }

  private async once(path: string | URL, call: Call): Promise<Response> {
    const url = new URL(path, this.options.url);
    const use = `${call.method ?? 'GET'} ${url.pathname.replace(/\/(blobs|manifests)\/.*/, '')}${url.searchParams.get('from') ?? ''}`;
    const send = async () => {
      const token = this.wallet.find(use);
      return this.send(url, call, token ? { authorization: `Bearer ${token}` } : {});
    };
    let response = await send();
    const challenge = response.headers.get('www-authenticate');
    if (response.status === 401 && challenge && this.wallet.canPay) {
      await response.body?.cancel();
      await this.translate(() => this.wallet.earn(use, challenge, this.options.signal));
      response = await send();
    }
    if (call.expect.includes(response.status)) return response;
    throw await refusal(response, `${call.method ?? 'GET'} ${url.pathname}`);
  }

  private async send(url: URL, call: Call, authorization: Record<string, string>): Promise<Response> {
    const { method = 'GET', headers } = call;
    const body = await call.body?.();
    const { signal } = this.options;
    return this.translate(() =>
      fetch(url, { method, headers: { ...headers, ...authorization }, body, signal }),
    );
  }

  private async translate<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (this.options.signal?.aborted)
        throw new AppError('CANCELED', 'The work with the registry was canceled', { cause });
      if (cause instanceof AppError) throw cause;
      const reason = messageOf((cause as Error).cause ?? cause);
      throw new AppError('UNAVAILABLE', `The registry does not answer: ${reason}`, { cause });
    }
  }

  private async cancelUpload(begun: Response): Promise<void> {
    const location = new URL(begun.headers.get('location') ?? '', this.options.url);
    await this.once(location, { method: 'DELETE', expect: [204, 404, 405] }).catch(() => undefined);
  }
}

async function refusal(response: Response, what: string): Promise<AppError> {
  const text = (await response.text().catch(() => '')).slice(0, 300);
  const said = `The registry answered ${response.status} to ${what}: ${text}`;
  if (response.status >= 500 || response.status === 429) return new AppError('UNAVAILABLE', said);
  if (response.status === 401 || response.status === 403) return new AppError('FORBIDDEN', said);
  return new AppError(/BLOB_UNKNOWN/.test(text) ? 'CONFLICT' : 'INTERNAL', said);
}

async function readSome(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > maxReadBytes)
      throw new AppError('INVALID', `The registry sent more than ${maxReadBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function altered(repository: string, digest: string): AppError {
  return new AppError('CONFLICT', `What the registry keeps as ${repository}@${digest} was altered`);
}
