import {
  type Artifact,
  attachArtifacts,
  attest,
  digestOf,
  envelopeType,
  type Image,
  type Layer,
  type LayerSource,
  signImage,
  tagBeside,
} from '@skyarc/lib/oci';
import { type FoundPackage, mergePackages, renderSpdx, spdxType } from '@skyarc/lib/sbom';
import { type BuildRun, repositoryOf } from './run.ts';

const sbomName = 'sbom.spdx.json';

/** Finds each layer's packages once: the same layer comes again in build after build. */
export class Inventory {
  private readonly known = new Map<string, Promise<readonly FoundPackage[]>>();

  /** `find` is asked when the layer was not seen before. */
  packagesOf(layer: Layer, find: () => Promise<readonly FoundPackage[]>): Promise<readonly FoundPackage[]> {
    const known = this.known.get(layer.diffId);
    if (known) return known;
    const finding = find();
    this.known.set(layer.diffId, finding);
    if (this.known.size > 500) this.known.delete(this.known.keys().next().value as string);
    finding.catch(() => this.known.delete(layer.diffId));
    return finding;
  }
}

/**
 * Says, beside the image and signed: what is in it (SPDX), and what it was made of, by whom (SLSA provenance 1.0 in an
 * in-toto statement, which names the bill by its digest). Then signs the image itself: without that it is not deployed.
 */
export async function attestImage(
  run: BuildRun,
  image: Image,
  made: {
    readonly sources: readonly LayerSource[];
    /** Of each layer; none when nobody looked, and then no bill is written. */
    readonly packages: readonly (readonly FoundPackage[])[];
  },
): Promise<void> {
  const { registry, shared } = run;
  const repository = repositoryOf(run.app);
  const bill = made.packages.length > 0 ? renderSpdx(repository, mergePackages(made.packages)) : null;
  const reference = { repository, digest: image.digest, size: image.manifest.length };
  const statement = {
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: await provenanceOf(run, made.sources, bill),
  };
  const envelope = attest(reference, statement, shared.imageKeys);
  const artifacts: Artifact[] = [
    ...(bill ? [{ type: spdxType, parts: [{ mediaType: spdxType, content: bill }] }] : []),
    {
      type: envelopeType,
      parts: [
        {
          mediaType: envelopeType,
          content: Buffer.from(JSON.stringify(envelope)),
          annotations: { predicateType: statement.predicateType },
        },
      ],
      tag: tagBeside(image.digest, 'att'),
    },
  ];
  await Promise.all([
    attachArtifacts(registry, reference, artifacts),
    signImage(registry, reference, shared.imageKeys),
  ]);
}

async function provenanceOf(
  run: BuildRun,
  sources: readonly LayerSource[],
  bill: Buffer | null,
): Promise<unknown> {
  const { db, shared, source, app, task } = run;
  const build = await db.build.findUniqueOrThrow({ where: { id: run.build.id } });
  const { instance, node } = shared.config;
  const shares = sources.filter(({ mountFrom }) => mountFrom !== undefined);
  return {
    buildDefinition: {
      buildType: 'https://skyarc.dev/builds/v1',
      externalParameters: { source, buildpack: app.buildpack },
      internalParameters: { buildpack: build.buildpack, reason: build.reason },
      resolvedDependencies: [
        materialOf(source, build.commitId),
        ...shares.map(({ layer, mountFrom }) => ({
          name: mountFrom,
          digest: { sha256: layer.digest.replace('sha256:', '') },
        })),
      ],
    },
    runDetails: {
      builder: { id: `https://skyarc.dev/builders/${instance}/${node}` },
      metadata: {
        invocationId: `${task.operationId}/${build.number}`,
        startedOn: build.startedAt?.toISOString(),
        finishedOn: new Date().toISOString(),
      },
      byproducts: bill
        ? [{ name: sbomName, mediaType: spdxType, digest: { sha256: digestOf(bill).replace('sha256:', '') } }]
        : [],
    },
  };
}

/** The source at the revision that was built (in-toto ResourceDescriptor). */
function materialOf(source: BuildRun['source'], revision: string | null): unknown {
  const uri = 'url' in source ? source.url : `skyarc:${source.kind.toLowerCase()}`;
  const isCommit = source.kind === 'GIT' && revision !== null;
  const isContent = revision !== null && /^(sha256:)?[0-9a-f]{64}$/.test(revision);
  return {
    name: 'source',
    uri,
    ...(isCommit ? { digest: { gitCommit: revision } } : {}),
    ...(!isCommit && isContent ? { digest: { sha256: revision.replace('sha256:', '') } } : {}),
    ...(revision ? { annotations: { revision } } : {}),
  };
}
