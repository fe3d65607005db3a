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
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = (lines[index] as string).trim();
    const at = index + 1;
    if (!line || line.startsWith('#')) continue;
    const match = /^(?:export\s+)?([^\s=#]+)\s*(?:=\s*([\s\S]*))?$/.exec(line);
    const name = match?.[1];
    if (!name || !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
      notes.error(null, `${file}, line ${at}: this is not NAME=value`);
      continue;
    }
    const written = match[2];
    if (written === undefined) {
      const value = known(name);
      if (value !== undefined) found.set(name, value);
      continue;
    }
    const quote = /^["']/.exec(written)?.[0];
    if (!quote) {
      const plain = written.replace(/(^|\s)#.*$/, '').trim();
      found.set(name, interpolate(plain, { lookup: known, line: at, notes: inFile(notes, file) }));
      continue;
    }
    let value = written.slice(1);
    while (closing(value, quote) < 0 && index + 1 < lines.length) value += `\n${lines[(index += 1)]}`;
    const end = closing(value, quote);
    if (end < 0) {
      notes.error(null, `${file}, line ${at}: a ${quote} is not closed`);
      return found;
    }
    value = value.slice(0, end);
    found.set(
      name,
      quote === "'"
        ? value
        : interpolate(unescape(value), { lookup: known, line: at, notes: inFile(notes, file) }),
    );
  }
  return found;
}

function closing(text: string, quote: string): number {
  for (let at = 0; at < text.length; at += 1) {
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
