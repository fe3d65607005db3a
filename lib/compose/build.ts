import type { DraftBuild } from './draft.ts';
import { tableOf } from './merge.ts';
import type { Service, ServiceContext } from './service.ts';
import { textOf, type Tree } from './tree.ts';

/** `build:` as a folder, a Git address, or a map. */
export function readBuild(value: Tree, service: Service, { notes }: ServiceContext, line: number): void {
  const table = value.kind === 'table' ? value.entries : new Map();
  const get = (name: string) => textOf(table.get(name)?.value);
  const context = (value.kind === 'scalar' ? textOf(value) : get('context')) ?? '.';
  for (const [name, entry] of table) {
    if (name === 'dockerfile_inline')
      notes.error(entry.line, 'dockerfile_inline is not supported: put the Dockerfile into the source');
    else if (name === 'additional_contexts' || name === 'ssh')
      notes.error(entry.line, `build.${name} is not supported`);
    else if (name === 'secrets')
      notes.warn(entry.line, 'build.secrets: give them in the build settings of the app');
    else if (!['context', 'dockerfile', 'target', 'args'].includes(name))
      notes.info(entry.line, `build.${name} is not needed and left out`);
  }
  const args: Record<string, string> = {};
  const written = table.get('args')?.value as Tree | undefined;
  for (const [name, { line: at, value: one }] of (written && tableOf(written)?.entries) ?? []) {
    const text = textOf(one);
    if (text === null) notes.warn(at, `build.args.${name} has no value; it is left out`);
    else args[name] = text;
  }
  const base = { dockerfile: get('dockerfile'), target: get('target'), args };
  const git = gitContext(context);
  if (git) {
    service.build = { ...base, ...git };
    return;
  }
  const folder = context.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  const clean = folder === '.' ? '' : folder;
  if (clean.startsWith('/') || clean.startsWith('~') || clean.split('/').includes('..'))
    notes.error(line, `build: "${context.slice(0, 80)}" lies outside of the source; give a folder in it`);
  service.build = { ...base, folder: clean, git: null };
}

/** `https://host/repo.git#branch:folder` and the like (Docker's Git contexts). */
function gitContext(context: string): Pick<DraftBuild, 'git' | 'folder'> | null {
  if (!/^(https?:\/\/|ssh:\/\/|git@|github\.com\/)/.test(context)) return null;
  const [address = '', fragment = ''] = context.split('#', 2);
  const [branch = '', folder = ''] = fragment.split(':', 2);
  const url = address.startsWith('github.com/') ? `https://${address}` : address;
  return { git: { url, branch: branch || null }, folder };
}
