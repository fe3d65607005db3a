import { type Note, parseCompose, parseDockerRun } from '@skyarc/lib/compose';
import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import type { GraphQLSchema } from 'graphql';
import type { ImportChoiceInput, ImportInput, ImportPreview } from '../generated/resolvers.ts';
import type { ImportedAppsRecord } from '../records.ts';
import { type Draft, inputOf, presentDraft, type Say, withChoices } from './drafts.ts';
import { parseTemplate } from './template.ts';

const limits = { files: 50, bytes: 2 << 20, variables: 200 };

/** What the text would make, and what is to be said of it. */
export async function previewImport(
  input: ImportInput,
  context: RequestContext,
  schema: GraphQLSchema,
): Promise<ImportPreview> {
  const place = await placeOf(input, context);
  const { apps, notes } = read(input, schema);
  const [all, say] = collect(notes);
  for (const draft of apps) inputOf(draft, input.source ?? null, say);
  const taken = await namesTaken(place, apps);
  for (const draft of apps.filter(({ name }) => taken.has(name)))
    say('WARNING', draft, `The team has an app "${draft.name}" already: give this one another name`);
  return {
    apps: apps.map(presentDraft),
    notes: byLine(all),
    ready: apps.length > 0 && !all.some(({ level }) => level === 'ERROR'),
  };
}

/** Makes all apps or none. Throws INVALID with the first error and its line while there is one. */
export async function importApps(
  input: ImportInput,
  choices: readonly ImportChoiceInput[],
  { deploy, schema }: { readonly deploy: boolean; readonly schema: GraphQLSchema },
  context: RequestContext,
): Promise<ImportedAppsRecord> {
  const { dataCenter, scope } = await placeOf(input, context);
  const { apps: drafts, notes } = read(input, schema);
  const [all, say] = collect(notes);
  const known = new Set(drafts.map(({ service }) => service));
  const strange = choices.find(({ service }) => !known.has(service));
  if (strange)
    throw new AppError('INVALID', `Cannot create the apps: there is no service "${strange.service}"`);
  const apps = withChoices(drafts, choices, say).map((draft) => inputOf(draft, input.source ?? null, say));
  const [error] = byLine(all).filter(({ level }) => level === 'ERROR');
  if (error) {
    const at = [error.line === null ? '' : `line ${error.line}`, error.service ?? '']
      .filter(Boolean)
      .join(', ');
    throw new AppError('INVALID', `Cannot create the apps: ${at ? `${at}: ` : ''}${error.message}`, {
      details: { line: error.line, service: error.service },
    });
  }
  if (apps.length === 0) throw new AppError('INVALID', 'Cannot create the apps: every service is left out');
  const { createApps: made } = await dataCenter.call(
    documents.CreateAppsDocument,
    { input: { groupId: input.groupId, apps, deploy } },
    scope,
  );
  return { appIds: made.apps.map(({ id }) => id), operations: made.operations, notes: byLine(all) };
}

interface Read {
  readonly apps: readonly Draft[];
  readonly notes: readonly Note[];
}

function read(input: ImportInput, schema: GraphQLSchema): Read {
  const { template, compose, dockerRun } = input;
  if ([template, compose, dockerRun].filter((text) => typeof text === 'string').length !== 1)
    throw new AppError(
      'INVALID',
      'Cannot read the apps: give exactly one of template, compose and dockerRun',
    );
  const files = input.files ?? [];
  const bytes = files.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  if (
    files.length > limits.files ||
    bytes > limits.bytes ||
    (input.variables?.length ?? 0) > limits.variables
  )
    throw new AppError(
      'INVALID',
      'Cannot read the apps: at most 50 files of 2 MiB together and 200 variables',
    );
  const beside = {
    files: new Map(files.map(({ path, content }) => [path, content])),
    variables: new Map(input.variables?.map(({ name, value }) => [name, value])),
    profiles: input.profiles ?? [],
  };
  if (typeof template === 'string') {
    if (Buffer.byteLength(template) > limits.bytes)
      throw new AppError('INVALID', 'Cannot read the apps: a template has at most 2 MiB');
    return parseTemplate(template, { schema, variables: beside.variables });
  }
  return typeof compose === 'string'
    ? parseCompose(compose, beside)
    : parseDockerRun(dockerRun ?? '', beside);
}

/** The data centre that is meant, and the scope of the group's team. */
async function placeOf({ groupId, dataCenter }: ImportInput, { dataCenters, directory }: RequestContext) {
  const group = await directory.findGroup(groupId);
  const team = group && (await directory.findTeam(group.teamId));
  if (!team) throw new AppError('NOT_FOUND', 'Cannot create the apps: there is no such group');
  return { dataCenter: await dataCenters.get(dataCenter), scope: dataCenters.scopeOf(team.name) };
}

async function namesTaken(
  { dataCenter, scope }: Awaited<ReturnType<typeof placeOf>>,
  drafts: readonly Draft[],
): Promise<ReadonlySet<string>> {
  if (drafts.length === 0) return new Set();
  const { apps } = await dataCenter.call(documents.AppNamesDocument, {}, scope);
  return new Set(apps.map(({ name }) => name));
}

/** A list that grows, and how to add to it. */
function collect(notes: readonly Note[]): [Note[], Say] {
  const all = [...notes];
  return [all, (level, { line, service }, message) => void all.push({ level, line, service, message })];
}

const byLine = (notes: readonly Note[]): Note[] =>
  notes.toSorted((left, right) => (left.line ?? 0) - (right.line ?? 0));
