import { AppError } from '@skyarc/lib/errors';

export interface Word {
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Splits a line as a POSIX shell does (IEEE 1003.1, 2.2): quotes, backslashes, continued lines and comments.
 * What only a shell can do - pipes, lists, substitution, redirection, globbing - is refused. Throws INVALID with
 * `details.line`.
 */
export function shellWords(text: string, { operators = true } = {}): Word[] {
  const words: Word[] = [];
  let word: { text: string; line: number } | null = null;
  let line = 1;
  let quote: { readonly mark: string; readonly line: number } | null = null;
  const add = (more: string) => {
    word ??= { text: '', line };
    word.text += more;
  };
  const end = () => {
    if (word) words.push(word);
    word = null;
  };
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] as string;
    const next = text[at + 1];
    if (quote?.mark === "'") {
      if (sign === "'") quote = null;
      else add(sign);
    } else if (sign === '\\') {
      if (next === undefined) fail(line, 'A backslash is the last character');
      const isLineBreak = next === '\n' || (next === '\r' && text[at + 2] === '\n');
      if (isLineBreak) {
        if (next === '\r') at += 1;
        line += 1;
      } else if (quote && !'$`"\\'.includes(next)) add(`\\${next}`);
      else add(next);
      at += 1;
      continue;
    } else if (quote) {
      if (sign === '"') quote = null;
      else {
        if (operators && (sign === '`' || (sign === '$' && isExpansion(next))))
          refuse(line, sign + (next ?? ''));
        add(sign);
      }
    } else if (sign === '"' || sign === "'") {
      quote = { mark: sign, line };
      add('');
    } else if (/\s/.test(sign)) end();
    else if (sign === '#' && !word && operators) {
      while (at + 1 < text.length && text[at + 1] !== '\n') at += 1;
    } else if (operators && ('|&;<>()`'.includes(sign) || (sign === '$' && isExpansion(next)))) {
      refuse(line, sign === '$' ? `$${next ?? ''}` : sign);
    } else add(sign);
    if (sign === '\n') line += 1;
  }
  if (quote) fail(quote.line, `A ${quote.mark} is not closed`);
  end();
  return words;
}

const isExpansion = (next: string | undefined) => next !== undefined && /[A-Za-z_0-9{(?!@*]/.test(next);

function refuse(line: number, what: string): never {
  const isVariable = what.startsWith('$') && what !== '$(';
  fail(
    line,
    isVariable
      ? `"${what}" is a shell variable, which nobody here can know; write its value`
      : `"${what}" is for a shell; quote it when it is meant as text, or give the one command alone`,
  );
}

function fail(line: number, message: string): never {
  throw new AppError('INVALID', message, { details: { line } });
}
