import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, noAppParts, type RequestContext } from '@skyarc/server/host';
import {
  getNullableType,
  type GraphQLInputType,
  type GraphQLResolveInfo,
  isInputObjectType,
  isInputType,
  isListType,
} from 'graphql';
import { stringify } from 'yaml';
import type { AppRecord } from '../records.ts';
import { teamNameOf } from '../team-name.ts';
import { templateVersion } from './template.ts';

/** A group as the text of a template (YAML), without values of secrets, addresses and what ran. */
export async function exportTemplate(
  groupId: string,
  context: RequestContext,
  { schema }: GraphQLResolveInfo,
): Promise<string> {
  const group = await context.directory.findGroup(groupId);
  if (!group) throw new AppError('NOT_FOUND', 'There is no such group');
  const scope = context.dataCenters.scopeOf(await teamNameOf(group.teamId, context));
  const parts = { ...noAppParts, env: true, network: true, settings: true };
  // All of the group or nothing: a template that lacks an app would be taken for the whole.
  const found = await Promise.all(
    (await context.dataCenters.all()).map((one) =>
      one.call(documents.AppsDocument, { groupId, ...parts }, scope),
    ),
  );
  const type = schema.getType('TemplateAppInput');
  if (!isInputType(type)) throw new AppError('INTERNAL', 'The schema has no TemplateAppInput');
  const apps: readonly AppRecord[] = found.flatMap((one) => one.apps);
  if (apps.length === 0) throw new AppError('INVALID', 'Cannot export the group: it has no apps');
  const written = apps
    .toSorted((left, right) => left.name.localeCompare(right.name))
    .map((app) => project(described(app, apps), type));
  return stringify(
    { skyarc: templateVersion, apps: written },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

/** An app as an input of its kind has it, with names where records have ids. */
function described(app: AppRecord, apps: readonly AppRecord[]): object {
  const nameOf = (id: string) => apps.find((one) => one.id === id)?.name;
  const { nodes: _nodes, ...placement } = app.run.placement ?? {};
  return {
    ...app,
    displayName: app.displayName === app.name ? null : app.displayName,
    source: sourceOf(app),
    // Which nodes there are is of one cluster alone; what a build found is found again.
    run: { ...app.run, placement },
    ports: app.ports
      ?.filter(({ detected, public: isPublic }) => !detected || isPublic)
      .map(
        // Names that come from the app's own follow it.
        ({ alias, ...port }) => ({ ...port, alias: isOfName(alias, app.name) ? null : alias }),
      ),
    volumes: app.volumes?.map((volume) => {
      const owner = apps.find(({ volumes = [] }) => volumes.some(({ id }) => id === volume.sourceId));
      const source = owner?.volumes?.find(({ id }) => id === volume.sourceId);
      return { ...volume, sourceApp: owner?.name, sourceVolume: source?.name };
    }),
    dependsOn: app.dependencies?.flatMap(({ appId }) => nameOf(appId) ?? []),
  };
}

function isOfName(alias: string, name: string): boolean {
  return alias.startsWith(name.toUpperCase().replaceAll('-', '_'));
}

function sourceOf({ name, source }: AppRecord): object {
  const { url, branch, refKind, revision, subdirectory, image, template, endpoints } = source;
  switch (source.kind) {
    case 'GIT':
      return { git: { url, branch, refKind, subdirectory } };
    case 'SVN':
      return { svn: { url, branch, revision, subdirectory } };
    case 'IMAGE':
      return { image: { reference: image } };
    case 'TEMPLATE':
      return { template };
    case 'EXTERNAL':
      return { external: { endpoints } };
    default:
      throw new AppError(
        'INVALID',
        `Cannot export the group: app "${name}" comes from an uploaded archive; give it a Git repository or an image`,
      );
  }
}

/** Of a value, what an input type has fields for; what is null or empty is left out. */
function project(value: unknown, type: GraphQLInputType): unknown {
  const bare = getNullableType(type);
  if (isListType(bare) && Array.isArray(value)) return value.map((one) => project(one, bare.ofType));
  if (!isInputObjectType(bare) || typeof value !== 'object' || value === null) return value;
  const kept = Object.values(bare.getFields()).flatMap((field) => {
    const one = project((value as Readonly<Record<string, unknown>>)[field.name], field.type);
    return isEmpty(one) && field.name !== 'ports' ? [] : [[field.name, one] as const];
  });
  return Object.fromEntries(kept);
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
