/** Whether a name or path fits: `*` and `?` stay within a part, `**` spans parts; linear in each part's length. */
export function fitsGlob(pattern: string, path: string): boolean {
  return fitsParts(pattern.split('/'), path.split('/'));
}

/**
 * Whether one of the paths fits one of the patterns and is not excluded by a later one that begins with `!`;
 * patterns that only exclude let all others in. A pattern that ends in `/` is the whole folder.
 */
export function anyFits(patterns: readonly string[], paths: readonly string[]): boolean {
  const startsIn = patterns[0]?.startsWith('!') ?? false;
  return paths.some((path) =>
    patterns.reduce((isIn, pattern) => {
      const isExclusion = pattern.startsWith('!');
      if (isIn !== isExclusion) return isIn;
      return fitsGlob(whole(isExclusion ? pattern.slice(1) : pattern), path) ? !isExclusion : isIn;
    }, startsIn),
  );
}

/** A folder is all that is in it. */
const whole = (pattern: string) => (pattern.endsWith('/') ? `${pattern}**` : pattern).replace(/^\/+/, '');

function fitsParts(patterns: readonly string[], parts: readonly string[]): boolean {
  // row[i]: whether the first i parts fit the patterns so far.
  let row = [true, ...parts.map(() => false)];
  for (const pattern of patterns) {
    const next = row.map(() => false);
    if (pattern === '**') {
      let reached = false;
      for (const [index, fits] of row.entries()) next[index] = reached ||= fits;
    } else {
      for (const [index, part] of parts.entries())
        if (row[index] && fitsPart(pattern, part)) next[index + 1] = true;
    }
    row = next;
  }
  return row.at(-1) ?? false;
}

/** Greedy with one step back, as shells do it. */
function fitsPart(pattern: string, text: string): boolean {
  let [at, from] = [0, 0];
  let [star, mark] = [-1, 0];
  while (from < text.length) {
    if (at < pattern.length && pattern[at] !== '*' && (pattern[at] === '?' || pattern[at] === text[from])) {
      at += 1;
      from += 1;
    } else if (pattern[at] === '*') {
      star = at;
      mark = from;
      at += 1;
    } else if (star >= 0) {
      at = star + 1;
      mark += 1;
      from = mark;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}
