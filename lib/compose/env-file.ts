import { interpolate, type Lookup } from './interpolate.ts';
import type { ServiceNotes } from './notes.ts';

/**
 * An env file as Compose reads it: `NAME=value`, `export NAME=value`, comments, values in quotes that may span
 * lines; in unquoted and doubly quoted ones variables are replaced. A name alone takes the value of `lookup`.
 */
export function parseEnvFile(
  text: string,
  file: string,
  { lookup, notes }: { readonly lookup: Lookup; readonly notes: ServiceNotes },
): Map<string, string> {
  const found = new Map<string, string>();
  const known: Lookup = (name) => found.get(name) ?? lookup(name);
  const whole = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  let at = 0;
  for (let from = 0; from <= whole.length;) {
    const end = endOfLine(whole, from);
    const line = whole.slice(from, end);
    const start = from;
    from = end + 1;
    at += 1;
    if (!line.trim() || line.trim().startsWith('#')) continue;
    const match = /^\s*(?:export\s+)?([^\s=#]+)\s*(?:(=\s*)(.*))?$/.exec(line);
    const name = match?.[1];
    if (!name || !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
      notes.error(null, `${file}, line ${at}: this is not NAME=value`);
      continue;
    }
    const written = match[3];
    if (written === undefined) {
      const value = known(name);
      if (value !== undefined) found.set(name, value);
      continue;
    }
    const place = { lookup: known, line: at, notes: inFile(notes, file) };
    const quote = /^["']/.exec(written)?.[0];
    if (!quote) {
      found.set(name, interpolate(written.replace(/(^|\s)#.*$/, '').trim(), place));
      continue;
    }
    const opened = start + line.length - written.length + 1;
    const closed = closing(whole, quote, opened);
    if (closed < 0) {
      notes.error(null, `${file}, line ${at}: a ${quote} is not closed`);
      return found;
    }
    const value = whole.slice(opened, closed);
    found.set(name, quote === "'" ? value : interpolate(unescape(value), place));
    at += value.split('\n').length - 1;
    from = endOfLine(whole, closed) + 1;
  }
  return found;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function closing(text: string, quote: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\' && quote === '"') at += 1;
    else if (text[at] === quote) return at;
  }
  return -1;
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  $: '$$',
};
const unescape = (text: string) =>
  text.replaceAll(/\\([nrt"\\$])/g, (_written, sign: string) => escapes[sign] as string);

/** Lines of a file beside the text are said in the sentence: the note's line is the text's own. */
function inFile(notes: ServiceNotes, file: string): ServiceNotes {
  const say =
    (level: keyof ServiceNotes) =>
    (line: number | null, message: string): void =>
      notes[level](null, `${file}, line ${line}: ${message}`);
  return { error: say('error'), warn: say('warn'), info: say('info') };
}
