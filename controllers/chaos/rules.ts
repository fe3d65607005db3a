/** A sentence for words in what a program printed. */
export interface Rule<Facts> {
  readonly pattern: RegExp;
  readonly say: (match: RegExpExecArray, facts: Facts) => string;
}

export interface Finding<R> {
  readonly rule: R;
  readonly match: RegExpExecArray;
  /** The lines in which the words were found, for a person to see: at most five. */
  readonly proof: readonly string[];
}

const maxProofLines = 5;

/** The first rule that finds its words in the lines. */
export function findRule<R extends { readonly pattern: RegExp }>(
  rules: readonly R[],
  lines: readonly string[],
): Finding<R> | null {
  const text = lines.join('\n');
  for (const rule of rules) {
    const match = rule.pattern.exec(text);
    if (match) return { rule, match, proof: linesAround(text, match) };
  }
  return null;
}

/** Whole lines, because a pattern often matches only a word of one. */
function linesAround(text: string, { index, 0: found }: RegExpExecArray): string[] {
  const from = text.lastIndexOf('\n', index - 1) + 1;
  const end = text.indexOf('\n', index + Math.max(found.trimEnd().length, 1));
  const lines = text.slice(index === 0 ? 0 : from, end === -1 ? undefined : end).split('\n');
  return proofOf(lines.length <= maxProofLines ? lines : [...lines.slice(0, 2), '...', ...lines.slice(-2)]);
}

/** Lines as they are kept and shown: without empty ones, none too long. */
export function proofOf(lines: readonly string[]): string[] {
  return lines
    .map((line) => line.trimEnd().slice(0, 400))
    .filter((line) => line !== '')
    .slice(0, maxProofLines);
}
