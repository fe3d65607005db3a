import type { AppDraft, DraftVolume } from './draft.ts';
import { isDatabase } from './images.ts';
import type { Notes } from './notes.ts';
import { variablesOf } from './environment.ts';
import type { Service } from './service.ts';
import { fileName } from './volumes.ts';

export interface NamedService {
  readonly name: string;
  readonly line: number;
  readonly service: Service;
}

interface Surroundings {
  readonly notes: Notes;
  /** Services that are left out. */
  readonly inactive: ReadonlySet<string>;
  /** Volumes of the top level. */
  readonly volumes: ReadonlySet<string>;
}

/** Services as drafts: names, kinds and shared volumes are settled; in start order. */
export function draftsOf(all: readonly NamedService[], around: Surroundings): AppDraft[] {
  const names = appNames(all, around.notes);
  const needs = new Map(all.map((one) => [one.name, neededBy(one, names, around)]));
  const ordered = inOrder(all, needs, around.notes);
  const runOnce = new Set(
    all.flatMap(({ service }) =>
      service.needs
        .filter(({ condition }) => condition === 'service_completed_successfully')
        .map((need) => need.service),
    ),
  );
  const kinds = new Map(all.map((one) => [one.name, workloadOf(one, runOnce, around.notes)]));
  const volumes = shareOut(ordered, { names, kinds, around });
  return ordered.map(({ name, line, service }) => {
    const notes = around.notes.of(name);
    if (!service.image && !service.build) notes.error(line, 'A service needs image or build');
    if (service.image && service.build)
      notes.info(line, `image: it is built, so ${service.image} is not fetched`);
    const { needs: _needs, envLines: _lines, env: _env, labels, ...rest } = service;
    return {
      ...rest,
      service: name,
      name: names.get(name) as string,
      line,
      image: service.build ? null : service.image,
      workload: kinds.get(name) as AppDraft['workload'],
      env: variablesOf(service, notes, line),
      volumes: volumes.get(name) ?? [],
      dependsOn: (needs.get(name) ?? []).map((need) => names.get(need) as string),
      labels: fittingLabels(labels),
    };
  });
}

/** RFC 1123 labels; others reach the app by it, so a changed one is said. */
function appNames(all: readonly NamedService[], notes: Notes): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name, line } of all) {
    let label = appNameOf(name);
    for (let count = 2; [...names.values()].includes(label); count += 1)
      label = `${label.slice(0, 36).replace(/-\d+$/, '')}-${count}`;
    names.set(name, label);
    if (label !== name)
      notes.of(name).warn(line, `The app is called "${label}": change addresses that say "${name}"`);
  }
  return names;
}

/** A name that an app may have, as near as possible to a text. */
export function appNameOf(text: string): string {
  const label = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  if (/-(grey|headless|deployed|external)$/.test(label)) return `${label.slice(0, 36)}-app`;
  return label || 'app';
}

function neededBy(
  { name, service }: NamedService,
  names: ReadonlyMap<string, string>,
  { notes, inactive }: Surroundings,
): string[] {
  const found = new Set<string>();
  for (const need of service.needs) {
    const own = notes.of(name);
    if (need.service === name) own.error(need.line, 'A service cannot depend on itself');
    else if (names.has(need.service)) found.add(need.service);
    else if (inactive.has(need.service))
      own[need.required ? 'warn' : 'info'](need.line, `"${need.service}" is left out with its profile`);
    else if (need.required) own.error(need.line, `There is no service "${need.service}"`);
  }
  return [...found];
}

function inOrder(
  all: readonly NamedService[],
  needs: ReadonlyMap<string, readonly string[]>,
  notes: Notes,
): NamedService[] {
  const byName = new Map(all.map((one) => [one.name, one]));
  const ordered = new Set<NamedService>();
  const visit = (name: string, way: readonly string[]): void => {
    const one = byName.get(name) as NamedService;
    if (ordered.has(one)) return;
    if (way.includes(name)) {
      const circle = [...way.slice(way.indexOf(name)), name].join(' -> ');
      notes.of(name).error(one.line, `Services wait for each other: ${circle}`);
      return;
    }
    for (const next of needs.get(name) ?? []) visit(next, [...way, name]);
    ordered.add(one);
  };
  for (const { name } of all) visit(name, []);
  return [...ordered];
}

function workloadOf(
  { name, line, service }: NamedService,
  runOnce: ReadonlySet<string>,
  notes: Notes,
): AppDraft['workload'] {
  const own = notes.of(name);
  if (runOnce.has(name)) {
    own.info(line, 'Others wait until it has ended, so it is a job');
    return 'JOB';
  }
  const keepsData = service.volumes.some(({ kind }) => kind === 'NAMED');
  if (!service.build && service.image && isDatabase(service.image)) {
    own.info(
      line,
      'It looks like a database, so its pods have stable names and disks of their own (stateful)',
    );
    if (!keepsData) own.warn(line, 'It has no volume: its data is lost when it is started again');
    return 'STATEFUL';
  }
  return 'STATELESS';
}

interface Sharing {
  readonly names: ReadonlyMap<string, string>;
  readonly kinds: ReadonlyMap<string, AppDraft['workload']>;
  readonly around: Surroundings;
}

/** A named volume belongs to the first of its services in start order; the others show it. */
function shareOut(
  ordered: readonly NamedService[],
  { names, kinds, around }: Sharing,
): Map<string, DraftVolume[]> {
  const users = Map.groupBy(
    ordered.flatMap(({ name, service }) =>
      service.volumes.flatMap((wanted) =>
        wanted.kind === 'NAMED' && wanted.source ? [{ name, source: wanted.source }] : [],
      ),
    ),
    ({ source }) => source,
  );
  const owned = new Map<string, { readonly app: string; readonly volume: string; readonly by: string }>();
  return new Map(
    ordered.map(({ name, service }) => {
      const notes = around.notes.of(name);
      const volumes = new Map<string, DraftVolume>();
      const taken = new Set<string>();
      const label = (text: string) => {
        let free = fileName(text);
        for (let count = 2; taken.has(free); count += 1) free = `${fileName(text)}-${count}`;
        taken.add(free);
        return free;
      };
      for (const wanted of service.volumes) {
        const { line, ...volume } = wanted;
        if (volumes.has(volume.mountPath)) {
          notes.warn(line, `${volume.mountPath} is mounted twice; the later one counts`);
          taken.delete(volumes.get(volume.mountPath)?.name ?? '');
        }
        if (volume.kind !== 'NAMED') {
          volumes.set(volume.mountPath, { ...volume, name: label(volume.name) });
          continue;
        }
        const { source, mountPath, readOnly } = volume;
        if (source !== null && !around.volumes.has(source))
          notes.error(line, `Volume "${source}" is not among the volumes of the top level`);
        const owner = source === null ? undefined : owned.get(source);
        const own = label(source ?? mountPath);
        if (owner?.by === name) {
          notes.error(line, `Volume "${source}" is mounted at two places of one app; use two volumes`);
        } else if (owner) {
          const { app, volume: shown } = owner;
          volumes.set(mountPath, {
            name: own,
            kind: 'APP',
            mountPath,
            readOnly,
            source: { app, volume: shown },
          });
          notes.info(line, `Volume "${source}" is shown here; it belongs to ${app}`);
        } else {
          const isShared = new Set(users.get(source ?? '')?.map((user) => user.name)).size > 1;
          const kind = !isShared && kinds.get(name) === 'STATEFUL' ? 'LOCAL' : 'SHARED';
          volumes.set(mountPath, { name: own, kind, mountPath, readOnly: readOnly && !isShared });
          if (source !== null) owned.set(source, { app: names.get(name) as string, volume: own, by: name });
        }
      }
      return [name, [...volumes.values()]] as const;
    }),
  );
}

/** Labels that pods can have; those of proxies and tools with long values mean nothing here. */
function fittingLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const isOurs = /(^|\.)(skyarc\.dev|kubernetes\.io|k8s\.io)\//;
  return Object.fromEntries(
    Object.entries(labels)
      .filter(
        ([name, value]) =>
          /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name) &&
          /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/.test(value) &&
          !isOurs.test(`.${name}`) &&
          !name.startsWith('traefik.'),
      )
      .slice(0, 20),
  );
}
