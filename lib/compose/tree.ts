import { AppError } from '@skyarc/lib/errors';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode } from 'yaml';

/** A value of a text with the line that it stands on. Keys of a map keep their own line. */
export type Tree = Scalar | List | Table;
export interface Scalar {
  readonly kind: 'scalar';
  readonly line: number;
  readonly value: string | number | bigint | boolean | null;
}
export interface List {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly Tree[];
}
export interface Table {
  readonly kind: 'table';
  readonly line: number;
  readonly entries: ReadonlyMap<string, Entry>;
}
export interface Entry {
  readonly line: number;
  readonly value: Tree;
}

const maxBytes = 256 << 10;
/** Values after aliases are followed; a file of people has some hundreds. */
const maxNodes = 20_000;
const maxDepth = 60;

/** Says where a text is no YAML. */
export class YamlProblem extends AppError {
  readonly line: number | null;

  constructor(line: number | null, message: string) {
    super('INVALID', message, { details: { line } });
    this.line = line;
  }
}

/** YAML 1.2 with the merge key, aliases followed, all values within bounds. Throws YamlProblem. */
export function parseTree(text: string): Tree {
  if (Buffer.byteLength(text) > maxBytes) throw new YamlProblem(null, 'The text has more than 256 KiB');
  const lines = new LineCounter();
  const document = read(text, lines);
  const lineAt = (offset: number | undefined) => (offset === undefined ? 1 : lines.linePos(offset).line || 1);
  const [error] = document.errors;
  if (error) throw new YamlProblem(lineAt(error.pos[0]), `This is no YAML: ${error.message}`);
  let left = maxNodes;

  const visit = (node: unknown, depth: number): Tree => {
    const line = lineAt((node as YamlNode | null)?.range?.[0]);
    if (--left < 0 || depth > maxDepth)
      throw new YamlProblem(line, 'The text has too many values, or aliases that repeat themselves');
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (!target) throw new YamlProblem(line, `There is no anchor &${node.source}`);
      return { ...visit(target, depth + 1), line };
    }
    if (isMap(node)) {
      const entries = new Map<string, Entry>();
      const merged: Table[] = [];
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : null;
        const at = lineAt((key as YamlNode | null)?.range?.[0]);
        if (name === null) throw new YamlProblem(at, 'A key is a single word');
        if (name === '<<') merged.push(...tablesOf(visit(value, depth + 1)));
        else if (entries.has(name)) throw new YamlProblem(at, `This is no YAML: "${name}" appears twice`);
        else entries.set(name, { line: at, value: visit(value, depth + 1) });
      }
      for (const table of merged)
        for (const [name, entry] of table.entries) if (!entries.has(name)) entries.set(name, entry);
      return { kind: 'table', line, entries };
    }
    if (isSeq(node)) return { kind: 'list', line, items: node.items.map((item) => visit(item, depth + 1)) };
    const value = isScalar(node) ? node.value : null;
    return { kind: 'scalar', line, value: isPlain(value) ? value : null };
  };
  return visit(document.contents, 0);
}

/** Keys are compared while the values are visited: the library's own way takes the square of their number. */
function read(text: string, lineCounter: LineCounter): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
  } catch (cause) {
    // The library recurses, so brackets by the thousand end its stack.
    if (!(cause instanceof RangeError)) throw cause;
    throw new YamlProblem(null, 'This is no YAML: its values are nested too deeply');
  }
}

function tablesOf(tree: Tree): Table[] {
  if (tree.kind === 'table') return [tree];
  if (tree.kind === 'list') return tree.items.flatMap(tablesOf);
  throw new YamlProblem(tree.line, 'What << merges is a map, or a list of maps');
}

const isPlain = (value: unknown): value is Scalar['value'] =>
  value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);

/** The text of a scalar as Compose reads it; null for null, lists and maps. */
export function textOf(tree: Tree | undefined): string | null {
  return tree?.kind === 'scalar' && tree.value !== null ? String(tree.value) : null;
}

export const scalar = (line: number, value: Scalar['value']): Scalar => ({ kind: 'scalar', line, value });
export const list = (line: number, items: readonly Tree[]): List => ({ kind: 'list', line, items });
export const table = (line: number, entries: Iterable<readonly [string, Tree]>): Table => ({
  kind: 'table',
  line,
  entries: new Map([...entries].map(([name, value]) => [name, { line: value.line, value }])),
});
