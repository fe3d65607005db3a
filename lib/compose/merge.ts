import { list, scalar, type Table, table, textOf, type Tree } from './tree.ts';

/** Lists of `NAME=value` that a map may stand for. */
const pairs = new Set(['environment', 'labels', 'args', 'annotations', 'extra_hosts', 'sysctls']);
/** What the later one replaces as a whole. */
const replaced = new Set(['command', 'entrypoint', 'test', 'image']);

/** A service over the one that it extends, by the merge rules of the Compose specification. */
export function mergeTables(base: Table, over: Table): Table {
  const entries = new Map(base.entries);
  for (const [name, entry] of over.entries) {
    const below = base.entries.get(name);
    entries.set(name, below ? { ...entry, value: mergeValues(name, below.value, entry.value) } : entry);
  }
  return { ...over, entries };
}

function mergeValues(name: string, base: Tree, over: Tree): Tree {
  if (replaced.has(name)) return over;
  if (pairs.has(name)) {
    const [left, right] = [tableOf(base), tableOf(over)];
    return left && right ? mergeTables(left, right) : over;
  }
  if (name === 'depends_on' || name === 'networks') {
    const [left, right] = [keyed(base), keyed(over)];
    return left && right ? mergeTables(left, right) : over;
  }
  if (base.kind === 'table' && over.kind === 'table') return mergeTables(base, over);
  if (base.kind === 'list' && over.kind === 'list') return list(over.line, [...base.items, ...over.items]);
  return over;
}

/** `[NAME=value, NAME]` or `{NAME: value}` as a table; a name without value has null. Undefined for anything else. */
export function tableOf(tree: Tree): Table | undefined {
  if (tree.kind === 'table') return tree;
  if (tree.kind !== 'list') return undefined;
  return table(
    tree.line,
    tree.items.map((item) => {
      const text = textOf(item) ?? '';
      const at = text.indexOf('=');
      return at < 0
        ? ([text, scalar(item.line, null)] as const)
        : ([text.slice(0, at), scalar(item.line, text.slice(at + 1))] as const);
    }),
  );
}

/** A list of names as a table of empty tables. */
function keyed(tree: Tree): Table | undefined {
  if (tree.kind !== 'list') return tree.kind === 'table' ? tree : undefined;
  return table(
    tree.line,
    tree.items.map((item) => [textOf(item) ?? '', table(item.line, [])] as const),
  );
}
