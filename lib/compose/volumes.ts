import type { DraftVolume } from './draft.ts';
import type { ServiceNotes } from './notes.ts';
import { textOf, type Tree } from './tree.ts';
import { megabytesOf } from './units.ts';

/** A wish of one service; which kind a named volume becomes is decided when all services are known. */
export type WantedVolume =
  | {
      readonly kind: 'NAMED';
      /** Name in the text; null for an anonymous one. */
      readonly source: string | null;
      readonly mountPath: string;
      readonly readOnly: boolean;
      readonly line: number;
    }
  | (Omit<DraftVolume, 'name'> & {
      readonly kind: 'MEMORY' | 'CONFIG_FILE';
      readonly line: number;
      readonly name: string;
    });

/** Contents by path as it is written, `./` or not. */
export type FindFile = (path: string) => string | undefined;

/** Entries of `volumes:` in short and long form. */
export function readVolumes(tree: Tree, notes: ServiceNotes, findFile: FindFile): WantedVolume[] {
  if (tree.kind !== 'list') {
    notes.error(tree.line, 'volumes of a service is a list, such as - data:/var/lib/data');
    return [];
  }
  return tree.items.flatMap((item) => {
    const wanted = item.kind === 'table' ? longForm(item, notes) : shortForm(item, notes);
    return wanted ? (toVolume(wanted, notes, findFile) ?? []) : [];
  });
}

interface Mount {
  readonly line: number;
  readonly type: string;
  readonly source: string | null;
  readonly target: string;
  readonly readOnly: boolean;
  readonly sizeMb?: number | undefined;
}

function shortForm(item: Tree, notes: ServiceNotes): Mount | null {
  const text = textOf(item)?.trim() ?? '';
  const windows = /^[A-Za-z]:[\\/]/.test(text) ? text.slice(0, 2) : '';
  const [first = '', second, mode = '', ...more] = text.slice(windows.length).split(':');
  const bad = more.length > 0 || !first;
  if (bad) {
    notes.error(item.line, `"${text.slice(0, 80)}" is no volume; write name:/path or name:/path:ro`);
    return null;
  }
  if (second === undefined)
    return { line: item.line, type: 'volume', source: null, target: first, readOnly: false };
  const source = windows + first;
  const isBind = /^[./~\\]|^[A-Za-z]:[\\/]/.test(source);
  const readOnly = mode.split(',').includes('ro');
  return { line: item.line, type: isBind ? 'bind' : 'volume', source, target: second, readOnly };
}

function longForm(item: Tree & { kind: 'table' }, notes: ServiceNotes): Mount | null {
  const get = (name: string) => textOf(item.entries.get(name)?.value);
  const target = get('target') ?? get('destination') ?? get('dst');
  if (!target) {
    notes.error(item.line, 'A volume in its long form needs target, the path in the container');
    return null;
  }
  const tmpfs = item.entries.get('tmpfs')?.value;
  const size = tmpfs?.kind === 'table' ? textOf(tmpfs.entries.get('size')?.value) : get('tmpfs-size');
  const sub = item.entries.get('volume')?.value;
  if (sub?.kind === 'table' && sub.entries.has('subpath'))
    notes.warn(item.line, 'volume.subpath is not supported: the whole volume is shown');
  return {
    line: item.line,
    type: get('type') ?? 'volume',
    source: get('source') ?? get('src'),
    target,
    readOnly: ['true', '', '1'].includes(get('read_only') ?? get('readonly') ?? 'false'),
    sizeMb: size ? (megabytesOf(size) ?? undefined) : undefined,
  };
}

function toVolume(mount: Mount, notes: ServiceNotes, findFile: FindFile): WantedVolume | null {
  const { line, source, readOnly } = mount;
  const mountPath = mount.target.replace(/(?<=.)\/+$/, '');
  if (!mountPath.startsWith('/')) {
    notes.error(line, `"${mountPath.slice(0, 80)}" is no absolute path in the container`);
    return null;
  }
  if (mount.type === 'tmpfs') return memoryVolume(line, mountPath, mount.sizeMb);
  if (mount.type === 'bind') return bindOf(mount, mountPath, notes, findFile);
  if (mount.type === 'volume') return { kind: 'NAMED', source: source || null, mountPath, readOnly, line };
  notes.error(
    line,
    `Volumes of type ${mount.type.slice(0, 20)} are not supported; volume, tmpfs and files with their content are`,
  );
  return null;
}

/** A file of which the content was given becomes a config file; the host's own folders are out of reach. */
function bindOf(
  mount: Mount,
  mountPath: string,
  notes: ServiceNotes,
  findFile: FindFile,
): WantedVolume | null {
  const { line, source } = mount;
  const content = source === null ? undefined : findFile(source);
  if (source !== null && content !== undefined) {
    notes.info(line, `${source} becomes a config file with the content that you gave`);
    return { kind: 'CONFIG_FILE', name: fileName(mountPath), mountPath, readOnly: true, content, line };
  }
  const what = `"${source}" is a file or folder of a machine, which apps do not have (they may run on any).`;
  const isSocket = source?.endsWith('docker.sock');
  const isFile = /\.[A-Za-z0-9]{1,6}$/.test(mountPath);
  notes.error(
    line,
    isSocket
      ? `${what} An app never gets the container engine's socket`
      : isFile
        ? `${what} Add its content below as "${source}"`
        : `${what} For data, write a named volume: "${fileName(mountPath)}:${mountPath}"; for a file, add its content below as "${source}"`,
  );
  return null;
}

export function memoryVolume(line: number, mountPath: string, sizeMb: number | undefined): WantedVolume {
  return {
    kind: 'MEMORY',
    name: fileName(mountPath),
    mountPath,
    readOnly: false,
    ...(sizeMb ? { sizeMb } : {}),
    line,
  };
}

/** A volume's name (RFC 1123 label) of a path or another name. */
export function fileName(path: string): string {
  const words = path.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const label = words
    .replace(/^[^a-z]+/, '')
    .slice(-30)
    .replace(/^[^a-z]+|-+$/g, '');
  return label || 'data';
}
