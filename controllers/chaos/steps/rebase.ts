import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { baseOf, builtLayer, type BuiltLayer } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { type Image, type Layer, pushImage, rebaseImage, verifyImage } from '@skyarc/lib/oci';
import { filesOfTar, findPackages, type FoundPackage } from '@skyarc/lib/sbom';
import type { BuildRecord, VersionRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import { baseRepository } from '../base/base.ts';
import type { Revision } from '../sources/source.ts';
import { attestImage } from './attest.ts';
import { keyOf } from './cache-key.ts';
import { packagesOfShared, type Published } from './publish.ts';
import { type BuildRun, repositoryOf } from './run.ts';

const manifestShape = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string(), size: z.number() })).min(1),
});
const configShape = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });

/** A version that is put over another base: found, exchanged and signed instead of built. */
export class RebaseWork {
  readonly version: VersionRecord;
  readonly build: BuildRecord;
  private readonly run: BuildRun;
  private readonly layers: readonly BuiltLayer[];

  private constructor(run: BuildRun, version: VersionRecord & { readonly build: BuildRecord }) {
    this.run = run;
    this.version = version;
    this.build = version.build;
    this.layers = z.array(builtLayer).parse(JSON.parse(version.build.layers ?? '[]'));
  }

  /** Throws NOT_FOUND when there is no such version of the app any more. */
  static async open(run: BuildRun, versionId: string): Promise<RebaseWork> {
    const where = { id: versionId, appId: run.app.id };
    const version = await run.db.version.findFirst({ where, include: { build: true } });
    if (!version) throw new AppError('NOT_FOUND', 'The version to rebase has been removed');
    return new RebaseWork(run, version);
  }

  get description(): string {
    return `version ${this.version.number}`;
  }

  identify(): Promise<Revision> {
    return Promise.resolve({ id: this.build.commitId ?? this.digest, ref: this.version.image });
  }

  /**
   * The key that a build of the same content would have over the new base, so that the next one finds it; one of its
   * own when the settings have changed since.
   */
  get cacheKey(): string {
    const { run, build } = this;
    const { digest } = run.shared.base.layer;
    const revision = { id: build.commitId ?? '', ref: '' };
    const isAsBefore = build.cacheKey === keyOf(run, revision, baseOf(this.layers) ?? '');
    return isAsBefore ? keyOf(run, revision, digest) : `rebase ${this.version.image} ${digest}`;
  }

  /** Throws CONFLICT when it does not stand on a base of ours, or on the newest one already. */
  detect(): Promise<string> {
    const from = baseOf(this.layers);
    const { layer, name } = this.run.shared.base;
    if (from === undefined)
      throw new AppError('CONFLICT', `The image of ${this.description} does not stand on a base of ours`);
    if (from === layer.digest)
      throw new AppError('CONFLICT', `The image of ${this.description} stands on the newest base already`);
    return Promise.resolve(`It moves from base ${short(from)} to ${name} (${short(layer.digest)})`);
  }

  /** Checks that the image is what was signed, exchanges its lowest layer, and signs the result. */
  async copy(): Promise<Published> {
    const { run, version } = this;
    const { registry, shared } = run;
    const { base, imageKeys } = shared;
    const repository = repositoryOf(run.app);
    await verifyImage(registry, { repository, digest: this.digest }, imageKeys.publicKey);
    const { image, above } = await this.exchange(repository);
    const unchanged = above.map((layer) => ({ layer, file: '' }));
    const sources = [{ ...base, mountFrom: baseRepository }, ...unchanged];
    const target = { repository, tag: String(run.build.number) };
    const sentBytes = await pushImage(registry, target, image, sources);
    const packages = [await packagesOfShared(run, base)];
    for (const layer of above) packages.push(await this.packagesOf(repository, layer));
    await attestImage(run, image, { sources, packages });
    run.log.write(`Image ${repository}@${image.digest}: ${above.length} layers are as they were`);
    const [lowest, ...others] = this.layers.map((layer) => ({ ...layer, isFromCache: true }));
    const { digest, size } = base.layer;
    return {
      image: `${repository}@${image.digest}`,
      sizeBytes: image.sizeBytes,
      ports: JSON.parse(version.ports) as number[],
      processes: JSON.parse(version.processes) as Record<string, string>,
      layers: [{ ...(lowest as BuiltLayer), name: base.name, digest, sizeBytes: size }, ...others],
      sentBytes,
    };
  }

  private get digest(): string {
    return this.version.image.split('@')[1] ?? '';
  }

  private async exchange(repository: string): Promise<{ image: Image; above: readonly Layer[] }> {
    const { registry, shared } = this.run;
    const manifest = await registry.findManifest(repository, this.digest);
    const parsed = manifest && manifestShape.parse(JSON.parse(manifest.toString()));
    const config = parsed && (await registry.findBlob(repository, parsed.config.digest));
    if (!config) throw new AppError('NOT_FOUND', `The image of ${this.description} has left the registry`);
    const { diff_ids: diffIds } = configShape.parse(JSON.parse(config.toString())).rootfs;
    const layers = parsed.layers.map((layer, index) => ({ ...layer, diffId: diffIds[index] ?? '' }));
    const [lowest, ...above] = layers as [Layer, ...Layer[]];
    if (lowest.digest !== baseOf(this.layers))
      throw new AppError('CONFLICT', `The image of ${this.description} does not stand on the base it names`);
    const image = rebaseImage({ manifest, config }, { from: [lowest], to: [shared.base.layer] });
    return { image, above };
  }

  /** Found again in the registry's bytes, when this builder has not seen the layer. */
  private packagesOf(repository: string, layer: Layer): Promise<readonly FoundPackage[]> {
    const { registry, shared } = this.run;
    return shared.inventory.packagesOf(layer, async () => {
      const blob = Readable.fromWeb((await registry.openBlob(repository, layer.digest)) as never);
      return findPackages(filesOfTar(pipeline(blob, createGunzip(), () => undefined)));
    });
  }
}

function short(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12);
}
