import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import {
  type Image,
  imageOf,
  type Layer,
  type LayerSource,
  pushImage,
  type RegistryClient,
} from '@skyarc/lib/oci';
import { parseReference, type RemoteImage, RemoteRegistry } from '@skyarc/lib/remote-registry';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { z } from 'zod';

export interface ImageContext {
  readonly db: DataCenterDatabase;
  readonly secrets: SecretBox;
  readonly teamName: string;
  readonly allowPrivate: boolean;
  /** Told of secrets that no log may show. */
  readonly hide: (secret: string) => void;
  readonly signal: AbortSignal;
}

/** What an image says of how it runs (image-spec 1.1, config.md). */
export interface ImageFacts {
  readonly command: readonly string[];
  /** `tcp` unless said otherwise. */
  readonly ports: readonly { readonly port: number; readonly protocol: 'tcp' | 'udp' }[];
  readonly env: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
}

const configShape = z.looseObject({
  config: z
    .looseObject({
      Cmd: z.array(z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Env: z.array(z.string()).nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.looseObject({ diff_ids: z.array(z.string()) }),
});

/** An image of a registry, with the team's credentials for its host. */
export class ImageSource {
  readonly description: string;
  private readonly text: string;
  private readonly registry: RemoteRegistry;

  private constructor(text: string, registry: RemoteRegistry) {
    this.text = text;
    this.registry = registry;
    this.description = `image ${text}`;
  }

  static async open(text: string, context: ImageContext): Promise<ImageSource> {
    const { db, secrets, teamName, hide, signal } = context;
    const { host } = parseReference(text);
    const row = await db.registryCredential.findUnique({ where: { teamName_host: { teamName, host } } });
    const password = row && secrets.open(row.password, `registry:${row.id}`);
    if (password) hide(password);
    if (row && password) hide(Buffer.from(`${row.username}:${password}`).toString('base64'));
    const credentials = row && password ? { username: row.username, password } : undefined;
    const registry = new RemoteRegistry({
      policy: { allowPrivate: context.allowPrivate },
      credentialsOf: (asked) => (asked === host ? credentials : undefined),
      signal,
    });
    return new ImageSource(text, registry);
  }

  /** The digest that it is at now. */
  resolve(): Promise<string> {
    return this.registry.resolve(this.text);
  }

  read(): Promise<RemoteImage> {
    return this.registry.read(this.text);
  }

  /**
   * Copies the image into our registry, one layer after the other; what is there already is not fetched. Answers
   * it as it is there: with a manifest of OCI's own. Throws EXHAUSTED when it is larger than the limit.
   */
  async copy(
    image: RemoteImage,
    to: {
      readonly registry: RegistryClient;
      readonly repository: string;
      readonly tag: string;
      readonly folder: string;
    },
    limitBytes: number,
  ): Promise<{
    readonly image: Image;
    readonly sources: readonly LayerSource[];
    readonly fetchedBytes: number;
    /** Digests of the layers that were not here yet. */
    readonly fetched: ReadonlySet<string>;
  }> {
    if (image.sizeBytes > limitBytes) {
      throw new AppError(
        'EXHAUSTED',
        `Cannot use image ${this.text}: it has ${megabytes(image.sizeBytes)} and builds of this app have a disk of ${megabytes(limitBytes)}; raise the limit in the build settings`,
      );
    }
    const { registry, repository, tag, folder } = to;
    const { diff_ids: diffIds } = readConfig(image).rootfs;
    if (diffIds.length !== image.layers.length)
      throw new AppError('INVALID', `Cannot use image ${this.text}: its config and its layers do not fit`);
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'layer');
    const layers: Layer[] = [];
    const fetched = new Set<string>();
    for (const [index, descriptor] of image.layers.entries()) {
      layers.push({ ...descriptor, diffId: diffIds[index] ?? '' });
      if (await registry.hasBlob(repository, descriptor.digest)) continue;
      await this.registry.download(image, descriptor, file);
      await registry.putBlob(repository, descriptor.digest, { file });
      await rm(file, { force: true });
      fetched.add(descriptor.digest);
    }
    const made = imageOf(image.config, layers);
    const sources = layers.map((layer) => ({ layer, file }));
    await pushImage(registry, { repository, tag }, made, sources);
    const fetchedBytes = layers
      .filter(({ digest }) => fetched.has(digest))
      .reduce((sum, { size }) => sum + size, 0);
    return { image: made, sources, fetchedBytes, fetched };
  }
}

function readConfig({ config }: Pick<RemoteImage, 'config'>): z.output<typeof configShape> {
  const parsed = configShape.safeParse(JSON.parse(config.toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new AppError('INVALID', 'Cannot use the image: its config is not one of an image');
}

/** What an image's config says. Throws INVALID when it is none. */
export function factsOf(image: Pick<RemoteImage, 'config'>): ImageFacts {
  const { config: run } = readConfig(image);
  const ports = Object.keys(run?.ExposedPorts ?? {}).flatMap((text) => {
    const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
    return port ? [{ port: Number(port), protocol: protocol as 'tcp' | 'udp' }] : [];
  });
  const env = (run?.Env ?? []).map((line) => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  });
  return {
    command: [...(run?.Entrypoint ?? []), ...(run?.Cmd ?? [])],
    ports,
    env: Object.fromEntries(env) as Record<string, string>,
    volumes: Object.keys(run?.Volumes ?? {}).filter((path) => path.startsWith('/')),
  };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
