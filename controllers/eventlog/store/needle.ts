/** Shorter parts are found too often to be worth it. */
const minPartBytes = 4;

/**
 * The end of the needle that begins with its rarest byte of a sample: searches jump from one such byte to the
 * next, so a rare one makes them several times as fast. What holds the needle holds the part.
 */
export function rarestPart(needle: Buffer, sample: Buffer): Buffer {
  const counts = new Uint32Array(256);
  for (let at = 0; at < Math.min(sample.length, 16_384); at += 1) counts[sample[at] as number]! += 1;
  let best = 0;
  for (let at = 1; at <= needle.length - minPartBytes; at += 1)
    if ((counts[needle[at] as number] ?? 0) < (counts[needle[best] as number] ?? 0)) best = at;
  return needle.subarray(best);
}

/** Bytes that every line which passes the filter holds; none when a simple look does not tell. */
export function needleOf({
  contains,
  pattern,
}: {
  readonly contains: string;
  readonly pattern: string;
}): Buffer {
  return Buffer.from(contains || requiredText(pattern));
}

const plain = /[\w \-/=:"'@,<>!#%&~;]/;

/**
 * The longest text that every match of an RE2 pattern holds, as far as a simple look tells; empty when it does
 * not. Only letters outside groups and classes count, and patterns with alternatives or flags have none.
 */
export function requiredText(pattern: string): string {
  if (/[|]|\(\?/.test(pattern)) return '';
  const runs: string[] = [];
  let run = '';
  let depth = 0;
  const close = (): void => {
    runs.push(run);
    run = '';
  };
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern[at] as string;
    if (letter === '\\') {
      const next = pattern[(at += 1)] ?? '';
      if (/[dswbDSWB]/.test(next)) close();
      // Other letters and digits are codes and classes whose arguments follow.
      else if (/\w/.test(next)) return '';
      else if (depth === 0) run += next;
    } else if (letter === '[') {
      // A class that ends in its first place, or holds others or escapes, is not worth understanding.
      const end = pattern.indexOf(']', at + 1);
      if (end <= at + 2 || /[[\\]/.test(pattern.slice(at + 1, end))) return '';
      close();
      at = end;
    } else if (letter === '(' || letter === ')') {
      depth += letter === '(' ? 1 : -1;
      close();
    } else if (letter === '?' || letter === '*' || letter === '{') {
      run = run.slice(0, -1);
      close();
      if (letter === '{') at = Math.max(at, pattern.indexOf('}', at));
    } else if (depth === 0 && plain.test(letter)) run += letter;
    else close();
  }
  close();
  return runs.reduce((longest, one) => (one.length > longest.length ? one : longest), '');
}
