import type { AppDraft, Beside, Drafts } from './draft.ts';
import { parseEnvFile } from './env-file.ts';
import { findFileIn } from './files.ts';
import { interpolateTree, type Lookup } from './interpolate.ts';
import { mergeTables } from './merge.ts';
import { Notes } from './notes.ts';
import { type Contents, readService } from './service.ts';
import { draftsOf, type NamedService } from './together.ts';
import { parseTree, type Table, textOf, type Tree, YamlProblem } from './tree.ts';
import type { FindFile } from './volumes.ts';

/**
 * Reads a Compose file (compose-spec.io) into drafts of apps. It never throws for what is in the text: errors are
 * notes, and with an ERROR among them the drafts are only for looking at.
 */
export function parseCompose(text: string, beside: Beside = {}): Drafts {
  const notes = new Notes();
  let apps: AppDraft[] = [];
  try {
    apps = new Reading(notes, beside).read(text);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    notes.add('ERROR', error.line, null, error.message);
  }
  return { apps, notes: notes.sorted() };
}

const maxServices = 50;
const emptyTable: Table = { kind: 'table', line: 1, entries: new Map() };

/** One text with what stands beside it. */
class Reading {
  private readonly notes: Notes;
  private readonly beside: Beside;
  private readonly findFile: FindFile;
  private readonly lookup: Lookup;
  private readonly trees = new Map<string, Tree>();

  constructor(notes: Notes, beside: Beside) {
    this.notes = notes;
    this.beside = beside;
    this.findFile = findFileIn(beside.files ?? new Map());
    const given = (name: string) => beside.variables?.get(name);
    const dotEnv = this.findFile('.env');
    const read =
      dotEnv === undefined
        ? new Map<string, string>()
        : parseEnvFile(dotEnv, '.env', { lookup: given, notes: notes.of(null) });
    this.lookup = (name) => given(name) ?? read.get(name);
  }

  read(text: string): AppDraft[] {
    const root = parseTree(text);
    const general = this.notes.of(null);
    if (root.kind !== 'table' || !root.entries.has('services')) {
      general.error(root.line, 'A Compose file has "services:" at its top level');
      return [];
    }
    this.sayTop(root);
    const services = this.tableAt(root, 'services');
    if (services.entries.size > maxServices) {
      general.error(
        services.line,
        `There are ${services.entries.size} services; at most ${maxServices} are made at once`,
      );
      return [];
    }
    const configs = this.contentsOf(root, 'configs');
    const secrets = this.contentsOf(root, 'secrets');
    const named: NamedService[] = [];
    const inactive = new Set<string>();
    for (const [name, { line, value }] of services.entries) {
      const own = this.notes.of(name);
      const extended = this.extend(name, value, root, []);
      if (!extended) continue;
      const profiles = extended.entries.get('profiles')?.value;
      if (profiles && !this.isActive(profiles)) {
        inactive.add(name);
        own.info(line, `Left out: it belongs to the profile ${namesOf(profiles).join(', ')}`);
        continue;
      }
      const tree = interpolateTree(extended, { lookup: this.lookup, notes: own }) as Table;
      const context = { notes: own, lookup: this.lookup, findFile: this.findFile, configs, secrets };
      named.push({ name, line, service: readService(tree, context) });
    }
    if (named.length === 0 && !this.notes.hasErrors)
      general.error(services.line, 'There is no service to make an app of');
    return draftsOf(named, { notes: this.notes, inactive, volumes: this.volumesOf(root) });
  }

  private sayTop(root: Table): void {
    const general = this.notes.of(null);
    for (const [name, { line }] of root.entries) {
      if (name === 'include')
        general.error(line, 'include is not supported: put the services of the other file here');
      else if (name === 'networks')
        general.info(line, 'networks: apps of a team reach each other by name, so networks are not needed');
      else if (!known.has(name) && !name.startsWith('x-'))
        general.warn(line, `${name} is not supported and left out`);
    }
  }

  private tableAt(root: Table, name: string): Table {
    const entry = root.entries.get(name);
    if (!entry || (entry.value.kind === 'scalar' && entry.value.value === null)) return emptyTable;
    if (entry.value.kind === 'table') return entry.value;
    this.notes.of(null).error(entry.line, `${name} is a map of names`);
    return emptyTable;
  }

  /** A service over what it extends, in this file or one beside it. */
  private extend(name: string, value: Tree, root: Table, way: readonly string[]): Table | null {
    const notes = this.notes.of(name);
    if (value.kind !== 'table') {
      notes.error(value.line, 'A service is a map with image or build');
      return null;
    }
    const entry = value.entries.get('extends');
    if (!entry) return value;
    const get = (field: string) =>
      entry.value.kind === 'table' ? textOf(entry.value.entries.get(field)?.value) : null;
    const target = textOf(entry.value) ?? get('service') ?? '';
    const file = get('file');
    const step = `${file ?? ''}#${target}`;
    if (way.includes(step) || way.length > 20) {
      notes.error(entry.line, `extends: "${target}" extends itself`);
      return null;
    }
    const content = file === null ? undefined : this.findFile(file);
    if (file !== null && content === undefined) {
      notes.error(entry.line, `The content of ${file} is not here: add it below as "${file}"`);
      return null;
    }
    const other = content === undefined ? root : this.treeOf(content);
    const base =
      other.kind === 'table' ? this.tableAt(other, 'services').entries.get(target)?.value : undefined;
    if (!base || other.kind !== 'table') {
      notes.error(entry.line, `extends: there is no service "${target}"${file ? ` in ${file}` : ''}`);
      return null;
    }
    const below = this.extend(name, base, other, [...way, step]);
    return below && mergeTables(withoutProfiles(below), value);
  }

  /** Other files are read once, however many services extend theirs. */
  private treeOf(content: string): Tree {
    const known = this.trees.get(content) ?? parseTree(content);
    this.trees.set(content, known);
    return known;
  }

  private isActive(profiles: Tree): boolean {
    const active = this.beside.profiles ?? [];
    return active.includes('*') || namesOf(profiles).some((name) => active.includes(name));
  }

  /** Texts of the top level's configs or secrets, by name. */
  private contentsOf(root: Table, section: 'configs' | 'secrets'): Contents {
    const notes = this.notes.of(null);
    const found = new Map<string, string | null>();
    for (const [name, { line, value }] of this.tableAt(root, section).entries) {
      const tree = interpolateTree(value, { lookup: this.lookup, notes });
      const get = (field: string) => (tree.kind === 'table' ? textOf(tree.entries.get(field)?.value) : null);
      const [content, file, variable] = [get('content'), get('file'), get('environment')];
      const text = content ?? (file && this.findFile(file)) ?? (variable && this.lookup(variable));
      if (typeof text !== 'string')
        notes.error(
          line,
          file
            ? `The content of ${file} is not here: add it below as "${file}", or write it under content`
            : variable
              ? `Variable ${variable} is not set; give it a value under variables`
              : `${section}.${name} needs content, file or environment; external ones are not reached`,
        );
      found.set(name, typeof text === 'string' ? text : null);
    }
    return found;
  }

  /** Names of the top level's volumes; those of special drivers are said. */
  private volumesOf(root: Table): ReadonlySet<string> {
    const notes = this.notes.of(null);
    const { entries } = this.tableAt(root, 'volumes');
    for (const [name, { line, value }] of entries) {
      if (value.kind !== 'table') continue;
      const get = (field: string) => textOf(value.entries.get(field)?.value);
      const options = value.entries.get('driver_opts')?.value;
      const device = options?.kind === 'table' ? textOf(options.entries.get('device')?.value) : null;
      if (get('external') !== null && get('external') !== 'false')
        notes.warn(line, `Volume ${name} lives outside of the file: here it begins empty`);
      else if (device !== null)
        notes.error(
          line,
          `Volume ${name} shows ${device.slice(0, 80)}, which apps cannot reach; leave driver_opts out`,
        );
      else if (get('driver') !== null && get('driver') !== 'local')
        notes.warn(
          line,
          `Volume ${name}: driver ${get('driver')} is not supported, the platform's own storage is used`,
        );
    }
    return new Set(entries.keys());
  }
}

const known = new Set(['services', 'volumes', 'configs', 'secrets', 'version', 'name']);

const namesOf = (tree: Tree): string[] =>
  (tree.kind === 'list' ? tree.items : [tree]).map((item) => textOf(item) ?? '');

/** Profiles are of the service that has them, not of those that extend it. */
function withoutProfiles(tree: Table): Table {
  const entries = new Map(tree.entries);
  entries.delete('profiles');
  entries.delete('extends');
  return { ...tree, entries };
}
