import type { AppDraft, DraftVolume, Note } from '@skyarc/lib/compose';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { dataCenterDocuments } from '@skyarc/server/host';
import { coerceInputValue, type GraphQLSchema, isInputType } from 'graphql';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';

type NewAppInput = dataCenterDocuments.NewAppInput;

/** What stands first in a template, and says how the rest is to be read. */
export const templateVersion = 'template/1';

/** An app of a template: shown like that of a Compose file, and made as `whole` says. */
export interface TemplateDraft extends AppDraft {
  readonly whole: NewAppInput;
}

interface TemplateFile {
  readonly skyarc: string;
  readonly apps: readonly NewAppInput[];
}

/**
 * Apps of a template file (YAML or JSON; `TemplateInput` of the schema), with what is wrong in it by line.
 * `variables` give values to variables that have none, as secrets of a template that was exported.
 */
export function parseTemplate(
  text: string,
  { schema, variables }: { readonly schema: GraphQLSchema; readonly variables: ReadonlyMap<string, string> },
): { readonly apps: readonly TemplateDraft[]; readonly notes: readonly Note[] } {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  const notes: Note[] = document.errors
    .slice(0, 20)
    .map(({ linePos, message }) =>
      errorAt(linePos?.[0].line ?? null, message.split(' at line')[0] as string),
    );
  if (notes.length > 0) return { apps: [], notes };
  const lineOf = (path: readonly (string | number)[]) => lineAt(document, counter, path);
  const value = valueOf(document);
  if (
    typeof value !== 'object' ||
    value === null ||
    (value as { skyarc?: unknown }).skyarc !== templateVersion
  )
    return { apps: [], notes: [errorAt(1, `It is no template: "skyarc: ${templateVersion}" is missing`)] };
  const type = schema.getType('TemplateInput');
  if (!isInputType(type)) throw new AppError('INTERNAL', 'The schema has no TemplateInput');
  const file = coerceInputValue(value, type, (path, _value, { message }) => {
    const place = path.length > 0 ? `${path.join('.')}: ` : '';
    notes.push(errorAt(lineOf(path), `${place}${message}`));
  }) as TemplateFile;
  if (notes.length > 0) return { apps: [], notes };
  const names = new Set(file.apps.map(({ name }) => name));
  const apps = file.apps.map((app, index) => {
    const at = (message: string) =>
      void notes.push({ ...errorAt(lineOf(['apps', index]), message), service: app.name });
    check(app, { names, at });
    return draftOf({ ...app, env: withValues(app, variables, at) }, lineOf(['apps', index]) ?? 1);
  });
  if (names.size < apps.length) notes.push(errorAt(lineOf(['apps']), 'Two apps have the same name'));
  return { apps, notes };
}

function errorAt(line: number | null, message: string): Note {
  return { level: 'ERROR', line, service: null, message };
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new AppError('INVALID', `Cannot read the template: ${messageOf(error)}`, { cause: error });
  }
}

/** The line of the innermost part of a path that is there. */
function lineAt(document: Document, counter: LineCounter, path: readonly (string | number)[]): number | null {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
  }
  return null;
}

interface Surroundings {
  readonly names: ReadonlySet<string>;
  readonly at: (message: string) => void;
}

/** What no data centre can know: whether the parts of a template fit together. */
function check({ source, dependsOn, volumes }: NewAppInput, { names, at }: Surroundings): void {
  if (source.upload) at('An uploaded archive is not part of a template; give another source');
  const needed = [...(dependsOn ?? []), ...(volumes ?? []).flatMap(({ sourceApp }) => sourceApp ?? [])];
  for (const one of needed) if (!names.has(one)) at(`The template has no app "${one}"`);
}

function withValues(
  { env }: NewAppInput,
  variables: ReadonlyMap<string, string>,
  at: (message: string) => void,
): NewAppInput['env'] {
  return env?.map((one) => {
    const value = one.value ?? variables.get(one.name);
    if (value === undefined) at(`The variable ${one.name} has no value: give it one beside the template`);
    return { ...one, value };
  });
}

function draftOf(whole: NewAppInput, line: number): TemplateDraft {
  const { name, run, env = [], ports = [], volumes = [], dependsOn } = whole;
  return {
    whole,
    service: name,
    name,
    line,
    image: whole.source.image?.reference ?? null,
    build: null,
    workload: run?.workload ?? 'STATELESS',
    replicas: run?.replicas ?? 1,
    cpuMillis: run?.cpuMillis ?? null,
    memoryMb: run?.memoryMb ?? null,
    cpuRequestMillis: run?.cpuRequestMillis ?? null,
    memoryRequestMb: run?.memoryRequestMb ?? null,
    entrypoint: run?.entrypoint ?? null,
    command: run?.command ?? null,
    user: run?.user ?? null,
    workingDir: run?.workingDir ?? null,
    ports: (ports ?? []).map(({ port, protocol, public: isPublic }) => ({
      port,
      protocol: protocol ?? 'HTTP',
      public: isPublic ?? true,
    })),
    env: (env ?? []).map((one) => ({ name: one.name, value: one.value ?? '', secret: one.secret ?? false })),
    volumes: (volumes ?? []).map(volumeOf),
    dependsOn: dependsOn ?? [],
    readiness: null,
    startTimeoutSeconds: run?.startTimeoutSeconds ?? null,
    stopFirst: false,
    terminationGraceSeconds: null,
    labels: {},
  };
}

function volumeOf(volume: NonNullable<NewAppInput['volumes']>[number]): DraftVolume {
  const { name, kind, mountPath, readOnly, sourceApp, sourceVolume } = volume;
  const source = sourceApp && sourceVolume ? { source: { app: sourceApp, volume: sourceVolume } } : {};
  return { name, kind: kind as DraftVolume['kind'], mountPath, readOnly: readOnly ?? false, ...source };
}

/** The app as its template says, with the answers that a person gave. */
export function wholeOf({ whole, ...draft }: TemplateDraft): NewAppInput {
  return {
    ...whole,
    name: draft.name,
    run: {
      ...whole.run,
      workload: draft.workload,
      replicas: draft.replicas,
      cpuMillis: draft.cpuMillis,
      memoryMb: draft.memoryMb,
    },
    volumes: whole.volumes?.map((volume, index) => {
      const { kind, source } = draft.volumes[index] ?? volumeOf(volume);
      return { ...volume, kind, sourceApp: source?.app, sourceVolume: source?.volume };
    }),
    dependsOn: [...draft.dependsOn],
  };
}

/** Where an app of a template comes from, for a person; null for an image. */
export function originOf({ source }: NewAppInput): string | null {
  const { git, svn, template, external } = source;
  if (git) return [git.url, git.subdirectory].filter(Boolean).join('#');
  if (svn) return [svn.url, svn.branch].filter(Boolean).join('#');
  if (external) return external.endpoints.map(({ host, port }) => `${host}:${port}`).join(', ');
  return template ?? null;
}
