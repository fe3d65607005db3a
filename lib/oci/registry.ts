import { openAsBlob } from 'node:fs';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { retry } from '@skyarc/lib/retry';
import { digestOf, mediaTypes } from './layer.ts';

export interface RegistryOptions {
  /** e.g. `http://127.0.0.1:5000`. */
  readonly url: string;
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

/**
 * Client of a registry (OCI distribution-spec 1.1). Every call waits for a registry that is away and goes
 * on when it is back; throws UNAVAILABLE when patience ends, CANCELED by the signal, INTERNAL when refused.
 */
export class RegistryClient {
  private readonly options: RegistryOptions;

  constructor(options: RegistryOptions) {
    this.options = options;
  }

  /** The same registry, for one piece of work with its own signal and listener. */
  with(options: Partial<RegistryOptions>): RegistryClient {
    return new RegistryClient({ ...this.options, ...options });
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

  /** Stores a manifest under its digest and, when given, a tag. Answers the digest. */
  async putManifest(repository: string, manifest: Buffer, tag?: string): Promise<string> {
    const digest = digestOf(manifest);
    await this.call(`/v2/${repository}/manifests/${tag ?? digest}`, {
      method: 'PUT',
      headers: { 'content-type': mediaTypes.manifest },
      body: () => manifest.toString(),
      expect: [201],
    });
    return digest;
  }

  /** The manifest of a tag or digest, or null. */
  async findManifest(repository: string, reference: string): Promise<Buffer | null> {
    const response = await this.call(`/v2/${repository}/manifests/${reference}`, {
      headers: { accept: mediaTypes.manifest },
      expect: [200, 404],
    });
    return response.status === 200 ? Buffer.from(await response.arrayBuffer()) : null;
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
    const { signal, url } = this.options;
    const { method = 'GET', headers } = call;
    const body = await call.body?.();
    const response = await fetch(new URL(path, url), { method, headers, body, signal }).catch(
      (cause: unknown) => {
        if (signal?.aborted)
          throw new AppError('CANCELED', 'The work with the registry was canceled', { cause });
        const reason = messageOf((cause as Error).cause ?? cause);
        throw new AppError('UNAVAILABLE', `The registry does not answer: ${reason}`, { cause });
      },
    );
    if (call.expect.includes(response.status)) return response;
    const text = (await response.text().catch(() => '')).slice(0, 300);
    const isAway = response.status >= 500 || response.status === 429;
    throw new AppError(
      isAway ? 'UNAVAILABLE' : 'INTERNAL',
      `The registry answered ${response.status} to ${method} ${new URL(path, url).pathname}: ${text}`,
    );
  }

  private async cancelUpload(begun: Response): Promise<void> {
    const location = new URL(begun.headers.get('location') ?? '', this.options.url);
    await this.once(location, { method: 'DELETE', expect: [204, 404, 405] }).catch(() => undefined);
  }
}
