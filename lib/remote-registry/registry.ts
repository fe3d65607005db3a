import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { EgressPolicy } from '@skyarc/lib/egress';
import { AppError } from '@skyarc/lib/errors';
import { type Descriptor, digestOf } from '@skyarc/lib/oci';
import { retry } from '@skyarc/lib/retry';
import { z } from 'zod';
import { guardedGet, isPlainHttp, isPrivate, readBody } from './http.ts';
import { parseReference, type RemoteReference } from './reference.ts';

export interface RemoteRegistryOptions {
  readonly policy: EgressPolicy;
  /** What to show the registry of a host. */
  readonly credentialsOf: (host: string) => Credentials | undefined;
  /** Whole time of one piece of work. */
  readonly signal?: AbortSignal;
}

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** One image for one platform, as the registry has it now. */
export interface RemoteImage {
  readonly reference: RemoteReference;
  /** Of what the reference names, an index perhaps: pins it. */
  readonly digest: string;
  /** Image-spec config, JSON. */
  readonly config: Buffer;
  /** Lowest first, with the media types of OCI. */
  readonly layers: readonly Descriptor[];
  readonly sizeBytes: number;
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const descriptor = z.object({ mediaType: z.string(), digest, size: z.int().min(0) });
const manifestShape = z.object({ config: descriptor, layers: z.array(descriptor).min(1).max(500) });
const indexShape = z.object({
  manifests: z.array(
    z.object({ digest, platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
  ),
});
const tokenShape = z.looseObject({ token: z.string().optional(), access_token: z.string().optional() });
const configShape = z.looseObject({ os: z.string().optional(), architecture: z.string().optional() });

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const maxManifestBytes = 4 << 20;
const maxConfigBytes = 8 << 20;
const layerTypes: Readonly<Record<string, string>> = {
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.docker.image.rootfs.diff.tar': 'application/vnd.oci.image.layer.v1.tar',
};
const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };

/** Reads images of registries of other people. Throws what a person can act on; see `refusalOf`. */
export class RemoteRegistry {
  private readonly options: RemoteRegistryOptions;
  private readonly tokens = new Map<string, string>();
  private readonly schemes = new Map<string, string>();

  constructor(options: RemoteRegistryOptions) {
    this.options = options;
  }

  /** The digest that a reference names now, without reading the image. */
  async resolve(text: string): Promise<string> {
    const reference = parseReference(text);
    return (await this.manifest(reference, reference.digest ?? reference.tag ?? 'latest')).digest;
  }

  /** Config and layers of the image for this machine's platform. Throws INVALID when there is none. */
  async read(text: string): Promise<RemoteImage> {
    const reference = parseReference(text);
    const top = await this.manifest(reference, reference.digest ?? reference.tag ?? 'latest');
    const chosen = platformOf(text, top.body);
    const { body } = chosen === null ? top : await this.manifest(reference, chosen);
    const parsed = manifestShape.safeParse(body);
    if (!parsed.success)
      throw new AppError('INVALID', `Cannot use image ${text}: it is not an image that can run`);
    const { config, layers } = parsed.data;
    if (config.size > maxConfigBytes)
      throw new AppError('INVALID', `Cannot use image ${text}: its config is too large`);
    const bytes = await readBody(await this.get(reference, `blobs/${config.digest}`), maxConfigBytes);
    requireDigest(text, config.digest, bytes);
    requirePlatform(text, bytes);
    return {
      reference,
      digest: top.digest,
      config: bytes,
      layers: layers.map((layer) => ({ ...layer, mediaType: layerTypeOf(text, layer.mediaType) })),
      sizeBytes: layers.reduce((sum, { size }) => sum + size, config.size),
    };
  }

  /** One layer into a file, checked against its digest. */
  async download({ reference }: RemoteImage, layer: Descriptor, file: string): Promise<void> {
    await this.patiently(async () => {
      const response = await this.get(reference, `blobs/${layer.digest}`);
      const hash = createHash('sha256');
      let size = 0;
      const meter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          size += chunk.length;
          hash.update(chunk);
          done(
            size > layer.size ? new AppError('INVALID', 'A layer is larger than its manifest says') : null,
            chunk,
          );
        },
      });
      await pipeline(response, meter, createWriteStream(file), { signal: this.options.signal }).catch(
        (error: unknown) => {
          if (error instanceof AppError || this.options.signal?.aborted) throw error;
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'ENOSPC')
            throw new AppError('EXHAUSTED', 'The disk of the builder is full', { cause: error });
          throw new AppError('UNAVAILABLE', `Registry ${reference.host} broke off`, { cause: error });
        },
      );
      if (`sha256:${hash.digest('hex')}` !== layer.digest)
        throw new AppError(
          'UNAVAILABLE',
          `A layer from registry ${reference.host} is not what its digest says`,
        );
    });
  }

  private async manifest(
    reference: RemoteReference,
    name: string,
  ): Promise<{ readonly digest: string; readonly body: unknown }> {
    const response = await this.patiently(() => this.get(reference, `manifests/${name}`));
    const bytes = await readBody(response, maxManifestBytes);
    const shown = `${reference.host}/${reference.repository}`;
    if (name.startsWith('sha256:')) requireDigest(shown, name, bytes);
    try {
      return { digest: digestOf(bytes), body: JSON.parse(bytes.toString('utf8')) as unknown };
    } catch (cause) {
      throw new AppError('INVALID', `Cannot use image ${shown}: what answers there is not a registry`, {
        cause,
      });
    }
  }

  private patiently<T>(work: () => Promise<T>): Promise<T> {
    let tries = 3;
    return retry(work, {
      signal: this.options.signal,
      baseMs: 500,
      maxMs: 3_000,
      retryable: (error) => (error as AppError).code === 'UNAVAILABLE' && (tries -= 1) > 0,
    });
  }

  private async get(reference: RemoteReference, path: string): Promise<IncomingMessage> {
    const { host, repository } = reference;
    const apiHost = host === 'docker.io' ? 'registry-1.docker.io' : host;
    const key = `${host}/${repository}`;
    const ask = async (): Promise<IncomingMessage> => {
      const authorization = this.tokens.get(key);
      return this.bySomeScheme(apiHost, `/v2/${repository}/${path}`, {
        accept,
        ...(authorization && { authorization }),
      });
    };
    let response = await ask();
    const challenge = response.headers['www-authenticate'];
    if (response.statusCode === 401 && challenge && (await this.login(reference, challenge))) {
      response.resume();
      response = await ask();
    }
    if (response.statusCode === 200) return response;
    response.resume();
    throw refusalOf(reference, response.statusCode ?? 0, this.options.credentialsOf(host) !== undefined);
  }

  /** https; http only where the host is of a private network and does not speak TLS. */
  private async bySomeScheme(
    host: string,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<IncomingMessage> {
    const { policy, signal } = this.options;
    const url = (scheme: string): URL => new URL(`${scheme}://${host}${path}`);
    const known = this.schemes.get(host) ?? 'https';
    try {
      return await guardedGet({ url: url(known), headers, policy, signal });
    } catch (error) {
      if (known !== 'https' || !isPlainHttp(error) || !(await isPrivate(url(known).hostname, policy)))
        throw error;
      this.schemes.set(host, 'http');
      return guardedGet({ url: url('http'), headers, policy, signal });
    }
  }

  /** Answers a challenge (RFC 7235, 4.1); false when there is nothing new to show. */
  private async login({ host, repository }: RemoteReference, challenge: string): Promise<boolean> {
    const key = `${host}/${repository}`;
    const credentials = this.options.credentialsOf(host);
    const basic = credentials && basicOf(credentials);
    if (/^basic/i.test(challenge)) {
      if (!basic || this.tokens.has(key)) return false;
      this.tokens.set(key, basic);
      return true;
    }
    const fields = new Map(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    const realm = fields.get('realm') ?? '';
    if (!/^bearer/i.test(challenge) || !/^https?:\/\//.test(realm) || !URL.canParse(realm)) return false;
    const url = new URL(realm);
    url.searchParams.set('service', fields.get('service') ?? '');
    url.searchParams.set('scope', `repository:${repository}:pull`);
    const { policy, signal } = this.options;
    if (url.protocol === 'http:' && !(await isPrivate(url.hostname, policy))) return false;
    const response = await guardedGet({
      url,
      headers: basic ? { authorization: basic } : {},
      policy,
      signal,
    });
    const text = await readBody(response, 1 << 20);
    if (response.statusCode !== 200) return false;
    const { token, access_token: other } = tokenShape.safeParse(parseJson(text)).data ?? {};
    const bearer = token ?? other;
    if (!bearer) return false;
    this.tokens.set(key, `Bearer ${bearer}`);
    return true;
  }
}

function basicOf({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Digest of our platform's manifest when the body is an index, null when it is none. */
function platformOf(text: string, body: unknown): string | null {
  const index = indexShape.safeParse(body);
  if (!index.success) return null;
  const all = index.data.manifests;
  const ours = all.find(
    (one) => one.platform?.os === platform.os && one.platform.architecture === platform.architecture,
  );
  if (ours) return ours.digest;
  const names = all.flatMap((one) =>
    one.platform ? [`${one.platform.os}/${one.platform.architecture}`] : [],
  );
  throw wrongPlatform(text, [...new Set(names)].filter((name) => !name.startsWith('unknown')).join(', '));
}

function requirePlatform(text: string, config: Buffer): void {
  const parsed = configShape.safeParse(parseJson(config));
  if (!parsed.success)
    throw new AppError('INVALID', `Cannot use image ${text}: its config is not one of an image`);
  const { os = platform.os, architecture = platform.architecture } = parsed.data;
  if (os !== platform.os || architecture !== platform.architecture)
    throw wrongPlatform(text, `${os}/${architecture}`);
}

function wrongPlatform(text: string, has: string): AppError {
  return new AppError(
    'INVALID',
    `Cannot use image ${text}: it is not made for ${platform.os}/${platform.architecture}${has ? ` but for ${has}` : ''}`,
  );
}

function layerTypeOf(text: string, mediaType: string): string {
  const known = layerTypes[mediaType] ?? mediaType;
  if (/^application\/vnd\.oci\.image\.layer\.v1\.tar(\+gzip|\+zstd)?$/.test(known)) return known;
  throw new AppError(
    'INVALID',
    `Cannot use image ${text}: it has a layer of another kind (${mediaType.slice(0, 80)})`,
  );
}

function requireDigest(text: string, expected: string, bytes: Buffer): void {
  if (digestOf(bytes) !== expected)
    throw new AppError(
      'UNAVAILABLE',
      `Cannot use image ${text}: the registry answers something else than its digest says`,
    );
}

function refusalOf(
  { host, repository, tag }: RemoteReference,
  status: number,
  hasCredentials: boolean,
): AppError {
  const what = `Cannot use image ${host}/${repository}${tag ? `:${tag}` : ''}`;
  if (status === 401 || status === 403) {
    return hasCredentials
      ? new AppError(
          'UNAUTHENTICATED',
          `${what}: the registry refuses the team's credentials for ${host}, or they may not read it`,
        )
      : new AppError(
          'UNAUTHENTICATED',
          `${what}: it does not exist or is private; give the team credentials for ${host}`,
        );
  }
  if (status === 404)
    return new AppError('NOT_FOUND', `${what}: the registry has no such image; check name and tag`);
  if (status === 429)
    return new AppError(
      'EXHAUSTED',
      `${what}: the registry's limit of pulls is reached; try later, or give the team credentials for ${host}`,
    );
  if (status >= 500) return new AppError('UNAVAILABLE', `${what}: the registry answered ${status}`);
  return new AppError('INVALID', `${what}: what answers there is not a registry (status ${status})`);
}

/** Undefined for what is no JSON. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
