import type { AppError } from '@skyarc/lib/errors';
import type { DraftBuild, DraftPort, DraftProbe } from './draft.ts';
import { readBuild } from './build.ts';
import { readEnvFiles, readEnvironment } from './environment.ts';
import { readHealthcheck } from './health.ts';
import { count, cpus, memory, readDeploy } from './limits.ts';
import { imagePattern } from './images.ts';
import type { Lookup } from './interpolate.ts';
import { tableOf } from './merge.ts';
import type { ServiceNotes } from './notes.ts';
import { mergePorts, readPorts } from './ports.ts';
import { type Table, textOf, type Tree } from './tree.ts';
import { megabytesOf, secondsOf } from './units.ts';
import { refused, without } from './unsupported.ts';
import { fileName, type FindFile, memoryVolume, readVolumes, type WantedVolume } from './volumes.ts';
import { shellWords } from './words.ts';

/** Configs and secrets of the top level: content by name; null when it could not be had. */
export type Contents = ReadonlyMap<string, string | null>;

export interface ServiceContext {
  readonly notes: ServiceNotes;
  readonly lookup: Lookup;
  readonly findFile: FindFile;
  readonly configs: Contents;
  readonly secrets: Contents;
}

export interface Need {
  readonly service: string;
  readonly line: number;
  /** `service_started`, `service_healthy` or `service_completed_successfully`. */
  readonly condition: string;
  readonly required: boolean;
}

/** A service as its text says it, before its names are known to be free and its volumes are shared out. */
export interface Service {
  image: string | null;
  build: DraftBuild | null;
  ports: DraftPort[];
  env: Map<string, string>;
  envLines: Map<string, number>;
  volumes: WantedVolume[];
  needs: Need[];
  entrypoint: string[] | null;
  command: string[] | null;
  user: string | null;
  workingDir: string | null;
  replicas: number;
  cpuMillis: number | null;
  memoryMb: number | null;
  cpuRequestMillis: number | null;
  memoryRequestMb: number | null;
  readiness: DraftProbe | null;
  startTimeoutSeconds: number | null;
  stopFirst: boolean;
  terminationGraceSeconds: number | null;
  labels: Record<string, string>;
}

type Reader = (value: Tree, service: Service, context: ServiceContext, line: number) => void;

/** Reads one service; everything that is not taken over is said. */
export function readService(tree: Table, context: ServiceContext): Service {
  const service: Service = {
    image: null,
    build: null,
    ports: [],
    env: new Map(),
    envLines: new Map(),
    volumes: [],
    needs: [],
    entrypoint: null,
    command: null,
    user: null,
    workingDir: null,
    replicas: 1,
    cpuMillis: null,
    memoryMb: null,
    cpuRequestMillis: null,
    memoryRequestMb: null,
    readiness: null,
    startTimeoutSeconds: null,
    stopFirst: false,
    terminationGraceSeconds: null,
    labels: {},
  };
  const { notes } = context;
  // An environment stands above its env files, wherever both are written.
  const names = [...tree.entries.keys()].sort((left, right) => rankOf(left) - rankOf(right));
  for (const name of names) {
    const { line, value } = tree.entries.get(name) as { line: number; value: Tree };
    const read = readers[name];
    if (read) {
      if (value.kind === 'scalar' && value.value === null && !mayBeEmpty.has(name)) continue;
      read(value, service, context, line);
    } else if (name in refused) notes.warn(line, `${name}: ${refused[name]}`);
    else if (name in without) notes.info(line, `${name}: ${without[name]}`);
    else if (!name.startsWith('x-') && name !== 'profiles' && name !== 'extends')
      notes.warn(line, `${name} is not supported and left out`);
  }
  service.ports = mergePorts(service.ports, tree.line, notes);
  return service;
}

const rankOf = (name: string) => (name === 'env_file' ? 0 : 1);
const mayBeEmpty = new Set(['command', 'entrypoint']);

const words: (what: string) => (value: Tree, context: ServiceContext) => string[] | null =
  (what) =>
  (value, { notes }) => {
    if (value.kind === 'list') return value.items.map((item) => textOf(item) ?? '');
    if (value.kind === 'table') {
      notes.error(value.line, `${what} is a line of words, or a list of them`);
      return null;
    }
    try {
      return shellWords(textOf(value) ?? '', { operators: false }).map(({ text }) => text);
    } catch (error) {
      notes.error(value.line, `${what}: ${(error as AppError).message}`);
      return null;
    }
  };

const readers: Readonly<Record<string, Reader>> = {
  image: (value, service, { notes }, line) => {
    const image = textOf(value)?.trim() ?? '';
    if (image.length > 512 || !imagePattern.test(image))
      notes.error(line, `"${image.slice(0, 80)}" is no image reference`);
    service.image = image;
  },
  build: readBuild,
  ports: (value, service, { notes }) => void service.ports.push(...readPorts(value, notes, true)),
  expose: (value, service, { notes }) => void service.ports.push(...readPorts(value, notes, false)),
  env_file: readEnvFiles,
  environment: readEnvironment,
  volumes: (value, service, { notes, findFile }) =>
    void service.volumes.push(...readVolumes(value, notes, findFile)),
  tmpfs: (value, service, { notes }) => {
    for (const item of value.kind === 'list' ? value.items : [value]) {
      const [path = '', options = ''] = (textOf(item) ?? '').split(':');
      const size = /(?:^|,)size=([^,]+)/.exec(options)?.[1];
      if (path.startsWith('/'))
        service.volumes.push(memoryVolume(item.line, path, (size && megabytesOf(size)) || undefined));
      else notes.error(item.line, `tmpfs: "${path.slice(0, 60)}" is no absolute path`);
    }
  },
  configs: (value, service, context) => readFiles('config', value, service, context),
  secrets: (value, service, context) => readFiles('secret', value, service, context),
  depends_on: readDependsOn,
  links: (value, service, { notes }) => {
    for (const item of value.kind === 'list' ? value.items : []) {
      const [target = '', alias] = (textOf(item) ?? '').split(':');
      service.needs.push({ service: target, line: item.line, condition: 'service_started', required: true });
      if (alias && alias !== target)
        notes.warn(item.line, `"${alias}" is no name here: use "${target}" for the address of ${target}`);
    }
  },
  healthcheck: readHealthcheck,
  command: (value, service, context) => {
    service.command = words('command')(value, context);
  },
  entrypoint: (value, service, context) => {
    service.entrypoint = words('entrypoint')(value, context);
  },
  mem_limit: (value, service, { notes }, line) => {
    service.memoryMb = memory(value, notes, line, 'mem_limit');
  },
  mem_reservation: (value, service, { notes }, line) => {
    service.memoryRequestMb = memory(value, notes, line, 'mem_reservation');
  },
  cpus: (value, service, { notes }, line) => {
    service.cpuMillis = cpus(value, notes, line);
  },
  cpu_count: (value, service, { notes }, line) => {
    service.cpuMillis ??= cpus(value, notes, line);
  },
  cpu_quota: (_value, _service, { notes }, line) => notes.info(line, 'cpu_quota: write cpus instead'),
  cpu_period: () => undefined,
  scale: (value, service, { notes }, line) => {
    service.replicas = count(value, notes, line, 'scale');
  },
  deploy: readDeploy,
  user: (value, service) => {
    service.user = textOf(value);
  },
  working_dir: (value, service, { notes }, line) => {
    const path = textOf(value) ?? '';
    if (path.startsWith('/')) service.workingDir = path;
    else notes.error(line, `working_dir: "${path.slice(0, 60)}" is no absolute path`);
  },
  labels: (value, service) => {
    for (const [name, { value: text }] of tableOf(value)?.entries ?? [])
      service.labels[name] = textOf(text) ?? '';
  },
  stop_grace_period: (value, service, { notes }, line) => {
    const seconds = secondsOf(textOf(value) ?? '');
    if (seconds === null) notes.error(line, 'stop_grace_period is a time such as 30s');
    else service.terminationGraceSeconds = Math.min(3_600, Math.max(1, Math.ceil(seconds)));
  },
  container_name: (value, _service, { notes }, line) =>
    notes.info(line, `container_name: others reach the app by its own name, not by "${textOf(value)}"`),
  hostname: (value, _service, { notes }, line) =>
    notes.info(line, `hostname: others reach the app by its own name, not by "${textOf(value)}"`),
};

/** Short and long forms of configs and secrets: a file of the container with a text that was given. */
function readFiles(what: 'config' | 'secret', value: Tree, service: Service, context: ServiceContext): void {
  const { notes, configs, secrets } = context;
  const contents = what === 'config' ? configs : secrets;
  for (const item of value.kind === 'list' ? value.items : []) {
    const entry = (name: string) => (item.kind === 'table' ? textOf(item.entries.get(name)?.value) : null);
    const source = textOf(item) ?? entry('source') ?? '';
    const content = contents.get(source);
    if (content === undefined) notes.error(item.line, `There is no ${what} "${source}" at the top level`);
    if (content === null || content === undefined) continue;
    const target = entry('target') ?? source;
    const mountPath = target.startsWith('/')
      ? target
      : what === 'secret'
        ? `/run/secrets/${target}`
        : `/${target}`;
    const mode = entry('mode');
    const octal = mode === null ? undefined : modeOf(mode);
    service.volumes.push({
      kind: 'CONFIG_FILE',
      name: fileName(source),
      mountPath,
      readOnly: true,
      content,
      ...(octal ? { fileMode: octal } : {}),
      line: item.line,
    });
  }
}

/** YAML 1.2 reads 0440 as the number 440 and 0o440 as 288. */
function modeOf(text: string): string | undefined {
  if (/^0?[0-7]{3}$/.test(text)) return text.padStart(4, '0');
  const number = Number(text);
  return Number.isInteger(number) && number < 512 ? `0${number.toString(8)}` : undefined;
}

function readDependsOn(value: Tree, service: Service, { notes }: ServiceContext): void {
  if (value.kind === 'list') {
    for (const item of value.items)
      service.needs.push({
        service: textOf(item) ?? '',
        line: item.line,
        condition: 'service_started',
        required: true,
      });
    return;
  }
  if (value.kind !== 'table') return notes.error(value.line, 'depends_on is a list of services, or a map');
  for (const [name, { line, value: one }] of value.entries) {
    const get = (field: string) => (one.kind === 'table' ? textOf(one.entries.get(field)?.value) : null);
    const condition = get('condition') ?? 'service_started';
    if (!['service_started', 'service_healthy', 'service_completed_successfully'].includes(condition))
      notes.error(line, `depends_on.${name}: there is no condition "${condition.slice(0, 40)}"`);
    service.needs.push({ service: name, line, condition, required: get('required') !== 'false' });
  }
}
