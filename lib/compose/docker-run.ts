import type { AppError } from '@skyarc/lib/errors';
import type { Beside, Drafts } from './draft.ts';
import { findFileIn } from './files.ts';
import { imagePattern } from './images.ts';
import { Notes } from './notes.ts';
import { readService } from './service.ts';
import { appNameOf, draftsOf } from './together.ts';
import { list, scalar, table, type Tree } from './tree.ts';
import { shellWords, type Word } from './words.ts';

/**
 * Reads a `docker run` (or `podman run`) command line into the draft of one app: words as a shell has them, options
 * as docker-run(1). Errors are notes, as of a Compose file.
 */
export function parseDockerRun(text: string, beside: Pick<Beside, 'files'> = {}): Drafts {
  const notes = new Notes();
  try {
    return { apps: read(text, beside, notes), notes: notes.sorted() };
  } catch (error) {
    const { code, message, details } = error as AppError;
    if (code !== 'INVALID') throw error;
    notes.add('ERROR', (details?.['line'] as number | undefined) ?? null, null, message);
    return { apps: [], notes: notes.sorted() };
  }
}

function read(text: string, beside: Pick<Beside, 'files'>, notes: Notes): ReturnType<typeof draftsOf> {
  const general = notes.of(null);
  const words = afterRun(shellWords(text.replace(/^[ \t]*[$#][ \t]+/, '')));
  if (!words) {
    general.error(1, 'This is no docker run command: write docker run [options] image [arguments]');
    return [];
  }
  const wish = new Wish();
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] as Word;
    if (word.text === '--') {
      at += 1;
      break;
    }
    if (!/^-./.test(word.text)) break;
    const option = splitOption(word.text);
    if (!option) {
      general.error(word.line, `${word.text.slice(0, 40)} is no option of docker run`);
      return [];
    }
    for (const flag of option.flags) wish.flag(flag, word.line, general.info, general.warn);
    if (option.name === undefined) continue;
    const value = option.value ?? words[(at += 1)]?.text;
    if (value === undefined) {
      general.error(word.line, `${word.text} needs a value`);
      return [];
    }
    wish.option(option.name, value, word.line, general);
  }
  const image = words[at];
  if (!image || !imagePattern.test(image.text)) {
    general.error(
      image?.line ?? words.at(-1)?.line ?? 1,
      image
        ? `"${image.text.slice(0, 80)}" is no image reference; options that are not known must be written as --option=value`
        : 'The image is missing',
    );
    return [];
  }
  wish.set('image', scalar(image.line, image.text));
  const rest = words.slice(at + 1);
  if (rest.length > 0)
    wish.set(
      'command',
      list(
        rest[0]?.line ?? 1,
        rest.map((word) => scalar(word.line, word.text)),
      ),
    );
  const base = image.text.split('@')[0]?.split('/').at(-1)?.split(':')[0] ?? 'app';
  const name = appNameOf(wish.name ?? base);
  const service = readService(wish.toTable(image.line), {
    notes: notes.of(name),
    lookup: () => undefined,
    findFile: findFileIn(beside.files ?? new Map()),
    configs: new Map(),
    secrets: new Map(),
  });
  return draftsOf([{ name, line: 1, service }], { notes, inactive: new Set(), volumes: wish.volumes });
}

/** The words behind `docker run`; undefined for another command. */
function afterRun(words: readonly Word[]): readonly Word[] | undefined {
  let at = words[0]?.text === 'sudo' ? 1 : 0;
  if (!/^(\/[\w/.-]*\/)?(docker|podman|nerdctl)$/.test(words[at]?.text ?? '')) return undefined;
  at += 1;
  if (words[at]?.text === 'container') at += 1;
  return words[at]?.text === 'run' || words[at]?.text === 'create' ? words.slice(at + 1) : undefined;
}

/** Options with a value, by every name that they have. */
const withValue: Readonly<Record<string, string>> = {
  a: 'attach',
  c: 'cpu-shares',
  e: 'env',
  h: 'hostname',
  l: 'label',
  m: 'memory',
  p: 'publish',
  u: 'user',
  v: 'volume',
  w: 'workdir',
};
const flags: Readonly<Record<string, string>> = {
  d: 'detach',
  i: 'interactive',
  t: 'tty',
  P: 'publish-all',
  q: 'quiet',
};
const longFlags = new Set([
  'detach',
  'interactive',
  'tty',
  'publish-all',
  'quiet',
  'rm',
  'init',
  'privileged',
  'read-only',
  'no-healthcheck',
  'oom-kill-disable',
  'sig-proxy',
  'disable-content-trust',
]);

interface Option {
  readonly flags: readonly string[];
  readonly name?: string;
  readonly value?: string;
}

/** `--name=value`, `--name`, `-p=value`, `-pvalue`, `-itp value`; undefined for a letter that is none. */
function splitOption(word: string): Option | undefined {
  if (word.startsWith('--')) {
    const at = word.indexOf('=');
    const name = word.slice(2, at < 0 ? undefined : at);
    if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined;
    const value = at < 0 ? undefined : word.slice(at + 1);
    if (longFlags.has(name)) return { flags: value === 'false' ? [] : [name] };
    return { flags: [], name, ...(value === undefined ? {} : { value }) };
  }
  const found: string[] = [];
  for (let at = 1; at < word.length; at += 1) {
    const letter = word[at] as string;
    const flag = flags[letter];
    const name = withValue[letter];
    if (flag) found.push(flag);
    else if (!name) return undefined;
    else {
      const rest = word.slice(at + 1).replace(/^=/, '');
      return { flags: found, name, ...(at + 1 < word.length ? { value: rest } : {}) };
    }
  }
  return { flags: found };
}

type Say = (line: number | null, message: string) => void;

/** Options gathered as the Compose service that says the same. */
class Wish {
  name: string | undefined;
  readonly volumes = new Set<string>();
  private readonly lists = new Map<string, Tree[]>();
  private readonly values = new Map<string, Tree>();
  private readonly health = new Map<string, Tree>();

  set(key: string, value: Tree): void {
    this.values.set(key, value);
  }

  flag(name: string, line: number, info: Say, warn: Say): void {
    if (name === 'privileged') warn(line, 'Apps are never privileged');
    if (name === 'read-only')
      warn(line, "The container's own files can be written; nothing of it outlives the container");
    if (name === 'publish-all') info(line, '-P: ports that the image exposes are found when it is deployed');
    if (name === 'no-healthcheck') this.health.set('disable', scalar(line, true));
    if (name === 'rm') info(line, '--rm: containers that have ended are always removed');
  }

  option(name: string, value: string, line: number, notes: { info: Say; warn: Say; error: Say }): void {
    const key = single[name];
    const listKey = multiple[name];
    const healthKey = checks[name];
    if (listKey) this.push(listKey, scalar(line, value));
    else if (key) this.set(key, scalar(line, value));
    else if (healthKey) this.health.set(healthKey, scalar(line, value));
    else if (name === 'name') this.name = value;
    else if (name === 'entrypoint')
      this.set('entrypoint', list(line, value === '' ? [] : [scalar(line, value)]));
    else if (name === 'volume') this.volume(value, line);
    else if (name === 'mount') this.mount(value, line);
    else if (name === 'env-file') this.push('env_file', scalar(line, value));
    else if (name === 'link') this.link(value, line, notes.warn);
    else if (name === 'network' || name === 'net' || name === 'network-alias')
      notes.info(line, `--${name}: apps of a team reach each other by name, so it is left out`);
    else if (quiet.has(name)) notes.info(line, `--${name} is not needed and left out`);
    else notes.warn(line, `--${name} is not supported and left out`);
  }

  toTable(line: number) {
    if (this.health.size > 0) this.values.set('healthcheck', table(line, this.health));
    return table(line, [
      ...this.values,
      ...[...this.lists].map(([key, items]) => [key, list(items[0]?.line ?? line, items)] as const),
    ]);
  }

  private push(key: string, item: Tree): void {
    this.lists.set(key, [...(this.lists.get(key) ?? []), item]);
  }

  private volume(value: string, line: number): void {
    const [source = '', target] = value.split(':');
    if (target && !/^[./~\\]/.test(source) && !/^[A-Za-z]$/.test(source)) this.volumes.add(source);
    this.push('volumes', scalar(line, value));
  }

  private mount(value: string, line: number): void {
    const fields = value.split(',').map((field) => {
      const at = field.indexOf('=');
      const [name, text] = at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)];
      return [name, scalar(line, text)] as const;
    });
    const get = (...names: string[]) => fields.find(([name]) => names.includes(name))?.[1].value;
    const source = get('source', 'src');
    if ((get('type') ?? 'volume') === 'volume' && source) this.volumes.add(String(source));
    this.push('volumes', table(line, fields));
  }

  private link(value: string, line: number, warn: Say): void {
    const [target = ''] = value.split(':');
    warn(line, `--link ${value}: let the app depend on "${target}" on its Connections page`);
  }
}

const single: Readonly<Record<string, string>> = {
  memory: 'mem_limit',
  'memory-reservation': 'mem_reservation',
  cpus: 'cpus',
  user: 'user',
  workdir: 'working_dir',
  restart: 'restart',
  hostname: 'hostname',
  'stop-timeout': 'stop_grace_period',
};
const multiple: Readonly<Record<string, string>> = {
  env: 'environment',
  publish: 'ports',
  expose: 'expose',
  label: 'labels',
  tmpfs: 'tmpfs',
};
const checks: Readonly<Record<string, string>> = {
  'health-cmd': 'test',
  'health-interval': 'interval',
  'health-timeout': 'timeout',
  'health-retries': 'retries',
  'health-start-period': 'start_period',
  'health-start-interval': 'start_interval',
};
const quiet = new Set([
  'attach',
  'pull',
  'platform',
  'log-driver',
  'log-opt',
  'cpu-shares',
  'memory-swap',
  'pids-limit',
  'cidfile',
  'detach-keys',
  'ip',
  'cap-drop',
]);
