/** A piece of a line in one style. */
export interface Segment {
  readonly text: string;
  /** `red`, `green`, ... ; null is the line's own colour. */
  readonly color: string | null;
  readonly bold: boolean;
  readonly dim: boolean;
}

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
// Every CSI and OSC sequence (ECMA-48); only SGR (`m`) has a meaning here.
// eslint-disable-next-line no-control-regex
const sequence = /\u001B(?:\[([0-9;:]*)([ -/]*[@-~])|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-Z\\^_])/g;

/** Splits terminal output into styled pieces; cursor movements and other control sequences are left out. */
export function parseAnsi(line: string): readonly Segment[] {
  if (!line.includes('\u001B')) return [{ text: line, color: null, bold: false, dim: false }];
  const segments: Segment[] = [];
  let style: Omit<Segment, 'text'> = { color: null, bold: false, dim: false };
  let from = 0;
  const push = (to: number): void => {
    if (to > from) segments.push({ text: line.slice(from, to), ...style });
  };
  for (const match of line.matchAll(sequence)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = applied(style, match[1] ?? '');
  }
  push(line.length);
  return segments;
}

/** The text without control sequences. */
export function stripAnsi(line: string): string {
  return line.includes('\u001B') ? line.replaceAll(sequence, '') : line;
}

function applied(style: Omit<Segment, 'text'>, parameters: string): Omit<Segment, 'text'> {
  let next = style;
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) next = { color: null, bold: false, dim: false };
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 39) next = { ...next, color: null };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
      next = { ...next, color: names[code % 10] ?? null };
    // 256 and true colours: their numbers are skipped, the line keeps its own colour.
    else if (code === 38 || code === 48) at += codes[at + 1] === 5 ? 2 : 4;
  }
  return next;
}
