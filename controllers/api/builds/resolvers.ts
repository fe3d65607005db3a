import { baseOf, builtLayer, type OperationStepName } from '@skyarc/lib/contracts';
import { readBaseImage } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { Api } from '../api.ts';
import type { MutationResolvers, Resolvers } from '../generated/resolvers.ts';
import type { BuildRecord } from '../records.ts';
import { audited } from '../resolvers/mutations.ts';
import { rebaseApp } from './rebase.ts';

const layersShape = z.array(builtLayer);
const linesShape = z.array(z.string());

/** What the page of a build shows, and what may be done with what it made. */
export function createBuildFields(api: Api): Pick<Resolvers, 'Build' | 'Version'> {
  const { repository } = api;
  return {
    Build: {
      teamName: (build) => build.app.teamName,
      version: ({ id }) => repository.findVersionOfBuild(id),
      previousVersion: ({ appId, number }) => repository.findVersionBefore(appId, number),
      phases: async ({ id }) =>
        (await repository.stepsOfBuild(id)).map(({ name, status, ...rest }) => ({
          ...rest,
          name: name as OperationStepName,
          status: status as never,
        })),
      proof: ({ proof }) => linesShape.parse(JSON.parse(proof ?? '[]')),
      layers: ({ layers }) =>
        layersOf(layers).map((layer) => ({ ...layer, sizeBytes: String(layer.sizeBytes) })),
      sentBytes: ({ sentBytes }) => textOf(sentBytes),
      cacheBytes: ({ cacheBytes }) => textOf(cacheBytes),
      cacheLimitBytes: ({ cacheLimitBytes }) => textOf(cacheLimitBytes),
    },
    Version: {
      sizeBytes: ({ sizeBytes }) => String(sizeBytes),
      commitId: ({ build }) => build.commitId,
      commitMessage: ({ build }) => build.commitMessage,
      isBaseOutdated: async ({ build }) => {
        const base = baseOf(layersOf(build.layers));
        const newest = base && (await readBaseImage(repository.db));
        return Boolean(newest) && newest !== base;
      },
    },
  };
}

export function createBuildMutations(api: Api): MutationResolvers {
  return audited(api, {
    rebaseApp: (_parent, { id }, context) => rebaseApp(api, id, context),
    createSlugDownload: (_parent, { versionId, binding }, context) =>
      api.slugs.create({ versionId, binding }, context),
  });
}

function layersOf(stored: BuildRecord['layers']): z.output<typeof layersShape> {
  return layersShape.parse(JSON.parse(stored ?? '[]'));
}

function textOf(bytes: bigint | null): string | null {
  return bytes === null ? null : String(bytes);
}
