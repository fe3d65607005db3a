import { isDeepStrictEqual } from 'node:util';
import { apiError, badRequest } from '../errors.ts';
import { clone, isObject, type JsonObject } from '../object.ts';

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[];
  readonly value: unknown;
}

const maxOperations = 10_000;

/** JSON patch (RFC 6902): a new value. 400 for a malformed patch, 422 when an operation does not apply. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations');
  if (patch.length > maxOperations)
    throw apiError(413, 'RequestEntityTooLarge', `at most ${maxOperations} operations`);
  const root = { document: clone(target) };
  for (const operation of patch.map(parse)) apply(root, operation);
  return root.document;
}

function parse(raw: unknown): Operation {
  if (!isObject(raw) || typeof raw['op'] !== 'string' || typeof raw['path'] !== 'string') {
    throw badRequest('an operation of a JSON patch needs "op" and "path"');
  }
  const { op, value } = raw;
  if (['add', 'replace', 'test'].includes(op) && !('value' in raw)) {
    throw badRequest(`operation "${op}" of a JSON patch needs "value"`);
  }
  const from = typeof raw['from'] === 'string' ? raw['from'] : undefined;
  if (['move', 'copy'].includes(op) && from === undefined) {
    throw badRequest(`operation "${op}" of a JSON patch needs "from"`);
  }
  return { op, path: parsePointer(raw['path']), from: parsePointer(from ?? ''), value };
}

/** The steps of a JSON pointer (RFC 6901). */
function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/'))
    throw badRequest(`JSON pointer ${JSON.stringify(pointer)} does not begin with "/"`);
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function apply(root: { document: unknown }, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      return add(root, path, clone(value));
    case 'remove':
      remove(root, path);
      return;
    case 'replace':
      read(root, path);
      return path.length === 0 ? add(root, path, clone(value)) : set(root, path, clone(value));
    case 'move': {
      if (path.length > from.length && from.every((step, i) => step === path[i])) throw rejected(op, path);
      const moved = read(root, from);
      remove(root, from);
      return add(root, path, moved);
    }
    case 'copy':
      return add(root, path, clone(read(root, from)));
    case 'test':
      if (!isDeepStrictEqual(read(root, path), value)) throw rejected(op, path);
      return;
    default:
      throw badRequest(`unexpected operation ${JSON.stringify(op)} in a JSON patch`);
  }
}

function read(root: { document: unknown }, path: readonly string[]): unknown {
  let current = root.document;
  for (const step of path) {
    if (Array.isArray(current)) current = current[indexOf(current, step, current.length - 1, path)];
    else if (isObject(current) && Object.hasOwn(current, step)) current = current[step];
    else throw rejected('path', path);
  }
  return current;
}

function add(root: { document: unknown }, path: readonly string[], value: unknown): void {
  const last = path.at(-1);
  if (last === undefined) {
    root.document = value;
    return;
  }
  const parent = read(root, path.slice(0, -1));
  if (Array.isArray(parent)) {
    parent.splice(last === '-' ? parent.length : indexOf(parent, last, parent.length, path), 0, value);
  } else set(root, path, value);
}

function set(root: { document: unknown }, path: readonly string[], value: unknown): void {
  const parent = read(root, path.slice(0, -1));
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent[indexOf(parent, last, parent.length - 1, path)] = value;
  else if (isObject(parent)) define(parent, last, value);
  else throw rejected('path', path);
}

function remove(root: { document: unknown }, path: readonly string[]): void {
  read(root, path);
  const parent = read(root, path.slice(0, -1));
  const last = path.at(-1);
  if (last === undefined) root.document = null;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as JsonObject)[last];
}

function define(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function indexOf(list: readonly unknown[], step: string, max: number, path: readonly string[]): number {
  const index = /^(0|[1-9]\d*)$/.test(step) ? Number(step) : Number.NaN;
  if (index <= max && index <= list.length) return index;
  throw rejected('index', path);
}

function rejected(what: string, path: readonly string[]): Error {
  return apiError(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: JSON patch ${what} does not apply at "/${path.join('/')}"`,
  );
}
