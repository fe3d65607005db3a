import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { builtLayer, slugGrant, type SlugGrantClaims, slugPath } from '@skyarc/lib/contracts';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { type RegistryClient, slugOf } from '@skyarc/lib/oci';
import { GrantSigner, GrantVerifier, makeGrantKeys } from '@skyarc/lib/signed-grant';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import { type CallContext, teamFilter, theTeam } from '../context.ts';

const lifeMs = 60_000;

export interface SlugsDeps {
  readonly db: DataCenterDatabase;
  /** Null: images cannot be read here. */
  readonly registry: RegistryClient | null;
  /** PEM text; a key of this process alone when absent. */
  readonly grantKey: string | undefined;
}

/** Versions as archives: the app and its packages, read from the registry's layers while they are sent. */
export class Slugs {
  private readonly deps: SlugsDeps;
  private readonly signer: GrantSigner;
  private readonly verifier: GrantVerifier;

  constructor(deps: SlugsDeps) {
    const grantKey = deps.grantKey ?? makeGrantKeys().privateKey;
    this.deps = deps;
    this.signer = new GrantSigner(grantKey);
    this.verifier = new GrantVerifier(grantKey);
  }

  /** Permission for one minute. Throws NOT_FOUND for a version of others, CONFLICT for one that has no slug. */
  async create(
    { versionId, binding }: { readonly versionId: string; readonly binding: string },
    context: CallContext,
  ): Promise<{ url: string; fileName: string }> {
    const team = theTeam(context);
    const { fileName } = await this.find(versionId, context);
    const expiresAt = Date.now() + lifeMs;
    const claims: SlugGrantClaims = { use: 'slug', expiresAt, id: versionId, team, binding };
    return { url: `${slugPath}?grant=${this.signer.sign(claims)}`, fileName };
  }

  /** `GET /slugs?grant=...`; never throws. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (request.method !== 'GET') throw new AppError('INVALID', 'Cannot download by this method: use GET');
      const claims = this.verifier.open(slugGrant, url.searchParams.get('grant') ?? '');
      if (request.headers['x-skyarc-binding'] !== claims.binding)
        throw new AppError('FORBIDDEN', 'Cannot download: the grant is not yours');
      const slug = await this.find(claims.id, { teams: [claims.team], actor: '' });
      const body = slugOf(slug.registry, slug.repository, slug.layers);
      response.writeHead(200, {
        'content-type': 'application/gzip',
        'content-disposition': `attachment; filename="${slug.fileName}"`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      await pipeline(body, response);
    } catch (error) {
      // What was cut in the middle must not look whole.
      if (response.headersSent) return void response.destroy();
      const appError = toAppError(error);
      response
        .writeHead(httpStatusOf[appError.code], { 'content-type': 'application/json' })
        .end(JSON.stringify({ code: appError.code, message: publicMessageOf(appError) }));
    }
  }

  private async find(id: string, context: CallContext) {
    const { db, registry } = this.deps;
    const what = 'Cannot download the slug';
    const version = await db.version.findFirst({
      where: { id, app: teamFilter(context) },
      include: { build: true, app: { select: { name: true } } },
    });
    if (!version) throw new AppError('NOT_FOUND', `${what}: there is no such version`);
    if (!registry) throw new AppError('UNAVAILABLE', `${what}: this data centre has no registry`);
    const layers = z
      .array(builtLayer)
      .parse(JSON.parse(version.build.layers ?? '[]'))
      .filter(({ kind }) => kind === 'DEPENDENCIES' || kind === 'APP');
    if (layers.length === 0) {
      const why = 'it was not made of files by a buildpack; pull its image instead';
      throw new AppError('CONFLICT', `${what} of version ${version.number}: ${why}`);
    }
    const repository = version.image.split('@')[0] as string;
    return { registry, repository, layers, fileName: `${version.app.name}-${version.number}.tar.gz` };
  }
}
