/**
 * Whether one release line (`3.11`, all of its patches) can satisfy a range as Composer, Python (PEP 440,
 * Poetry) and Ruby write them: alternatives by `||` or `|`, conditions by `,` or blanks, `^ ~ ~> ~= >= > <= <
 * == = !=`, and wildcards. Null: not a range.
 */
export function satisfies(line: string, range: string): boolean | null {
  const here = numbersOf(line);
  const alternatives = range.split(/\|\|?/).map((text) => conditionsOf(text));
  if (alternatives.some((conditions) => conditions === null)) return null;
  return alternatives.some((conditions) => (conditions as Condition[]).every((one) => holds(here, one)));
}

interface Condition {
  readonly operator: string;
  readonly version: readonly number[];
}

const condition =
  /^(\^|~>|~=|~|>=|>|<=|<|={1,3}|!=)?\s*v?(\d+(?:\.(?:\d+|[*xX]))*|\*)(?:[-.+]?[a-z][\w.+-]*)?$/;

function conditionsOf(text: string): Condition[] | null {
  const joined = text.trim().replace(/(\^|~>|~=|~|>=|>|<=|<|={1,3}|!=)\s+/g, '$1');
  // `8.1 - 8.3` of Composer
  const span = /^(\d[\d.]*) - (\d[\d.]*)$/.exec(joined);
  const words = span ? [`>=${span[1]}`, `<=${span[2]}.*`] : joined.split(/[\s,]+/).filter(Boolean);
  const found: Condition[] = [];
  for (const word of words) {
    const match = condition.exec(word);
    if (!match) return null;
    const version = numbersOf(match[2] as string);
    const isWild = /[*xX]/.test(match[2] as string);
    found.push({ operator: isWild && !match[1] ? '=' : (match[1] ?? '='), version });
  }
  return found;
}

function numbersOf(text: string): number[] {
  const parts = text.split('.').map(Number);
  const wild = parts.findIndex((part) => Number.isNaN(part));
  return wild === -1 ? parts : parts.slice(0, wild);
}

/** The line holds a condition when its newest patch does; an exact patch asks for its line. */
function holds(line: readonly number[], { operator, version }: Condition): boolean {
  const newest = [...line, Number.MAX_SAFE_INTEGER];
  const atLeast = compare(newest, version) >= 0;
  if (operator === '>=') return atLeast;
  if (operator === '>') return compare(newest, version) > 0 && !isWithin(newest, version, line.length);
  if (operator === '<') return compare([...line, 0], version) < 0;
  if (operator === '<=')
    return compare([...line, 0], version) <= 0 || isWithin(newest, version, version.length);
  if (operator === '!=') return version.length > line.length || !isWithin(line, version, version.length);
  if (operator === '^') return atLeast && isWithin(newest, version, (version[0] ?? 0) === 0 ? 2 : 1);
  if (operator.startsWith('~')) return atLeast && isWithin(newest, version, Math.max(version.length - 1, 1));
  return isWithin(line, version, Math.min(version.length, line.length));
}

/** Whether the first `length` parts are equal. */
function isWithin(here: readonly number[], version: readonly number[], length: number): boolean {
  return version.slice(0, length).every((part, index) => part === (here[index] ?? 0));
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
