import type { AppDraft, DraftVolume, Note } from '@skyarc/lib/compose';
import type { dataCenterDocuments } from '@skyarc/server/host';
import type { AppSourceInput, ImportChoiceInput, ImportedDraft } from '../generated/resolvers.ts';
import { originOf, type TemplateDraft, wholeOf } from './template.ts';

type NewAppInput = dataCenterDocuments.NewAppInput;

/** One app of the text, whatever kind of text. */
export type Draft = AppDraft | TemplateDraft;

/** What was said besides the drafts while they became inputs. */
export type Say = (level: Note['level'], draft: AppDraft, message: string) => void;

/** Drafts with a person's answers: left out, named anew, sized. */
export function withChoices(
  drafts: readonly Draft[],
  choices: readonly ImportChoiceInput[],
  say: Say,
): Draft[] {
  const byService = new Map(choices.map((choice) => [choice.service, choice]));
  const kept = drafts.filter(({ service }) => byService.get(service)?.include !== false);
  const names = new Map(kept.map((draft) => [draft.name, byService.get(draft.service)?.name || draft.name]));
  return kept.map((draft) => {
    const choice = byService.get(draft.service);
    const name = names.get(draft.name) ?? draft.name;
    if (name !== draft.name && drafts.some(({ dependsOn }) => dependsOn.includes(draft.name)))
      say('WARNING', draft, `It is called "${name}" now: change addresses that say "${draft.name}"`);
    return {
      ...draft,
      name,
      workload: asWorkload(choice?.workload) ?? draft.workload,
      replicas: choice?.replicas ?? draft.replicas,
      cpuMillis: choice?.cpuMillis ?? draft.cpuMillis,
      memoryMb: choice?.memoryMb ?? draft.memoryMb,
      dependsOn: draft.dependsOn.flatMap((one) => names.get(one) ?? []),
      volumes: draft.volumes.map((volume) =>
        keptVolume(volume, names, (message) => say('WARNING', draft, message)),
      ),
    };
  });
}

function asWorkload(workload: string | null | undefined): AppDraft['workload'] | undefined {
  return workload === 'STATELESS' || workload === 'STATEFUL' || workload === 'JOB' ? workload : undefined;
}

/** A volume of an app that is left out becomes one of its own. */
function keptVolume(
  volume: DraftVolume,
  names: ReadonlyMap<string, string>,
  warn: (message: string) => void,
): DraftVolume {
  if (!volume.source) return volume;
  const app = names.get(volume.source.app);
  if (app) return { ...volume, source: { ...volume.source, app } };
  const { source, ...own } = volume;
  warn(`"${source.app}" is left out, so ${volume.mountPath} is a volume of its own`);
  return { ...own, kind: 'SHARED' };
}

/** An app as the data centre takes it. */
export function inputOf(draft: Draft, beside: AppSourceInput | null, say: Say): NewAppInput {
  if ('whole' in draft) return wholeOf(draft);
  const { build } = draft;
  return {
    name: draft.name,
    displayName: draft.service === draft.name ? null : draft.service.slice(0, 80),
    source: sourceOf(draft, beside, say),
    build: build && {
      buildpack: 'dockerfile',
      dockerfile: build.dockerfile,
      target: build.target,
      args: Object.entries(build.args).map(([name, value]) => ({ name, value })),
    },
    run: runOf(draft, say),
    env: draft.env.map(({ name, value, secret }) => ({ name, value, secret, scope: 'SELF' })),
    ports: draft.workload === 'JOB' ? [] : draft.ports.map((port) => ({ ...port })),
    volumes: draft.volumes.map(({ source, content, ...volume }) => ({
      ...volume,
      // Config files are expanded when they are mounted; what was given is meant as it stands.
      content: content?.replaceAll('${', () => '$${'),
      sourceApp: source?.app,
      sourceVolume: source?.volume,
    })),
    dependsOn: [...draft.dependsOn],
  };
}

function sourceOf(draft: AppDraft, beside: AppSourceInput | null, say: Say): AppSourceInput {
  const { image, build } = draft;
  if (image !== null || !build) return { image: { reference: image ?? '' } };
  if (build.git) {
    const { url, branch } = build.git;
    if (branch === null) say('WARNING', draft, `build: ${url} names no branch, so "main" is taken`);
    return { git: { url, branch: branch ?? 'main', subdirectory: build.folder || null } };
  }
  const within = (subdirectory: string | null | undefined) =>
    [subdirectory, build.folder].filter(Boolean).join('/') || null;
  if (beside?.git) return { git: { ...beside.git, subdirectory: within(beside.git.subdirectory) } };
  if (beside?.svn) return { svn: { ...beside.svn, subdirectory: within(beside.svn.subdirectory) } };
  if (beside?.upload)
    return { upload: { ...beside.upload, subdirectory: within(beside.upload.subdirectory) } };
  say('ERROR', draft, 'It is built: give the Git address or the archive that the file lies in');
  return {};
}

function runOf(draft: AppDraft, say: Say): NonNullable<NewAppInput['run']> {
  const { readiness, memoryMb, cpuMillis, workload, user } = draft;
  const isNumeric = user !== null && /^\d{1,9}(:\d{1,9})?$/.test(user);
  if (user !== null && !isNumeric)
    say(
      'WARNING',
      draft,
      `user: "${user.slice(0, 40)}" is a name; only numbers can be set, so the image's own user runs it`,
    );
  return {
    workload,
    replicas: draft.replicas,
    cpuMillis,
    memoryMb,
    cpuRequestMillis: atMost(draft.cpuRequestMillis, cpuMillis),
    memoryRequestMb: atMost(draft.memoryRequestMb, memoryMb),
    entrypoint: draft.entrypoint && [...draft.entrypoint],
    command: draft.command && [...draft.command],
    workingDir: draft.workingDir,
    user: isNumeric ? user : null,
    ...(readiness && workload !== 'JOB'
      ? {
          probes: { readiness: { kind: 'COMMAND' as const, ...readiness, command: [...readiness.command] } },
          startTimeoutSeconds: draft.startTimeoutSeconds,
        }
      : {}),
    ...(draft.stopFirst || draft.terminationGraceSeconds !== null
      ? {
          rollout: {
            strategy: draft.stopFirst ? ('RECREATE' as const) : ('ROLLING' as const),
            terminationGraceSeconds: draft.terminationGraceSeconds ?? 30,
          },
        }
      : {}),
    ...(Object.keys(draft.labels).length > 0
      ? { placement: { labels: Object.entries(draft.labels).map(([key, value]) => ({ key, value })) } }
      : {}),
  };
}

const atMost = (request: number | null, limit: number | null) =>
  request === null || limit === null ? request : Math.min(request, limit);

/** As the preview shows it; values of secrets are kept back. */
export function presentDraft(draft: Draft): ImportedDraft {
  const { build } = draft;
  return {
    service: draft.service,
    name: draft.name,
    line: draft.line,
    image: draft.image,
    buildFrom:
      'whole' in draft
        ? originOf(draft.whole)
        : build &&
          (build.git ? [build.git.url, build.folder].filter(Boolean).join('#') : build.folder || '.'),
    workload: draft.workload,
    replicas: draft.replicas,
    cpuMillis: draft.cpuMillis,
    memoryMb: draft.memoryMb,
    ports: draft.ports.map((port) => ({ ...port })),
    env: draft.env.map(({ name, value, secret }) => ({
      name,
      value: secret ? null : value,
      secret,
      scope: 'SELF',
    })),
    volumes: draft.volumes.map(({ name, kind, mountPath, readOnly, source }) => ({
      name,
      kind,
      mountPath,
      readOnly,
      fromApp: source?.app ?? null,
    })),
    dependsOn: [...draft.dependsOn],
    entrypoint: draft.entrypoint && [...draft.entrypoint],
    command: draft.command && [...draft.command],
    healthCommand: draft.readiness && [...draft.readiness.command],
  };
}
