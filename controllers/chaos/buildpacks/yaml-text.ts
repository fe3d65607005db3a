import { AppError } from '@skyarc/lib/errors';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';

/** A YAML text in a shape; throws INVALID that names file, line and what is wrong there. */
export function parseYaml<T extends z.ZodType>(name: string, text: string, shape: T): z.output<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken) {
    const line = broken.linePos?.[0].line ?? 1;
    throw new AppError(
      'INVALID',
      `${name} line ${line}: ${broken.message.split('\n')[0]?.replace(/ at line \d+.*$/, '')}`,
    );
  }
  const parsed = shape.safeParse(toPlain(document, name) ?? {});
  if (parsed.success) return parsed.data;
  const issue = narrowest(parsed.error.issues[0] as z.core.$ZodIssue);
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] as string] : issue.path;
  const offset = offsetOf(document, path);
  const line = offset === null ? 1 : lines.linePos(offset).line;
  const what =
    issue.code === 'unrecognized_keys'
      ? `key "${path.join('.')}" is not known here`
      : `"${path.join('.')}" ${issue.message.replace(/^Invalid input: /, '')}`;
  throw new AppError('INVALID', `${name} line ${line}: ${what}`);
}

/** Without aliases that multiply (a YAML bomb). */
function toPlain(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new AppError('INVALID', `${name} uses too many aliases`, { cause });
  }
}

/** Of the ways that a union could have fitted, the one that got furthest. */
function narrowest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const ways = issue.errors.flat().toSorted((a, b) => b.path.length - a.path.length || rank(b) - rank(a));
  const best = ways[0];
  return best ? narrowest({ ...best, path: [...issue.path, ...best.path] }) : issue;
}

function rank({ code }: z.core.$ZodIssue): number {
  return code === 'invalid_type' ? 0 : 1;
}

/** Where a key is written, or the nearest one above it. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | null {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const last = path[depth - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
      if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const node = document.getIn(path.slice(0, depth), true) as { range?: readonly number[] } | undefined;
    if (node?.range) return node.range[0] as number;
  }
  return null;
}
