import type { ServiceNotes } from './notes.ts';
import type { Tree } from './tree.ts';

/** Looks a variable up; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

interface Place {
  readonly lookup: Lookup;
  readonly line: number;
  readonly notes: ServiceNotes;
  /** How many defaults this one stands in. */
  readonly depth?: number;
}

const maxDepth = 20;

/**
 * Replaces `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`, `${NAME?message}`,
 * `${NAME:+other}`, `${NAME+other}` and `$$`, as the Compose specification has them; defaults may nest.
 */
export function interpolate(text: string, place: Place): string {
  let out = '';
  for (let at = 0; at < text.length;) {
    const next = text.indexOf('$', at);
    if (next < 0) return out + text.slice(at);
    out += text.slice(at, next);
    if (text[next + 1] === '$') {
      out += '$';
      at = next + 2;
    } else if (text[next + 1] === '{') {
      const end = closing(text, next + 2);
      if (end < 0) {
        place.notes.error(
          place.line,
          `"${shorten(text.slice(next))}" has no closing brace; write $$ for a plain dollar`,
        );
        return out;
      }
      out += braced(text.slice(next + 2, end), place);
      at = end + 1;
    } else {
      const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text.slice(next + 1))?.[0];
      out += name === undefined ? '$' : value(name, place);
      at = next + 1 + (name?.length ?? 0);
    }
  }
  return out;
}

/** Replaces in all values of a tree; keys stay. */
export function interpolateTree(tree: Tree, context: Omit<Place, 'line'>): Tree {
  if (tree.kind === 'list')
    return { ...tree, items: tree.items.map((item) => interpolateTree(item, context)) };
  if (tree.kind === 'table')
    return {
      ...tree,
      entries: new Map(
        [...tree.entries].map(([name, entry]) => [
          name,
          { ...entry, value: interpolateTree(entry.value, context) },
        ]),
      ),
    };
  if (typeof tree.value !== 'string' || !tree.value.includes('$')) return tree;
  return { ...tree, value: interpolate(tree.value, { ...context, line: tree.line }) };
}

function braced(inside: string, outer: Place): string {
  const place = { ...outer, depth: (outer.depth ?? 0) + 1 };
  if (place.depth > maxDepth) {
    place.notes.error(place.line, `Variables stand in each other more than ${maxDepth} times`);
    return '';
  }
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([\s\S]*))?$/.exec(inside);
  if (!match) {
    place.notes.error(place.line, `"\${${shorten(inside)}}" is no variable; write $$ for a plain dollar`);
    return '';
  }
  const [, name = '', operator, rest = ''] = match;
  if (operator === undefined) return value(name, place);
  const set = place.lookup(name);
  const isThere = operator.startsWith(':') ? Boolean(set) : set !== undefined;
  if (operator.endsWith('+')) return isThere ? interpolate(rest, place) : '';
  if (isThere) return set as string;
  if (operator.endsWith('-')) return interpolate(rest, place);
  place.notes.error(
    place.line,
    `Variable ${name} is needed: ${interpolate(rest, place) || 'give it a value'}`,
  );
  return '';
}

function value(name: string, { lookup, line, notes }: Place): string {
  const set = lookup(name);
  if (set === undefined) notes.warn(line, `Variable ${name} is not set, so it is empty; give it a value`);
  return set ?? '';
}

/** Index of the brace that closes one opened before `from`; -1 when there is none. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('${', at)) depth += 1;
    else if (text[at] === '}' && (depth -= 1) === 0) return at;
  }
  return -1;
}

const shorten = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}...` : text);
