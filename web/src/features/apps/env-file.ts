export interface EnvEntry {
  readonly name: string;
  readonly value: string;
}

export interface EnvProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
}

export interface EnvFile {
  /** The last one wins where a name is given twice. */
  readonly entries: readonly EnvEntry[];
  /** Lines that are no assignment. */
  readonly problems: readonly EnvProblem[];
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=[ \t]*/;
const namePattern = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/** True when a text can name an environment variable. */
export function isEnvName(name: string): boolean {
  return namePattern.test(name);
}

/**
 * Reads the text of a `.env` file: comments, `export`, single quotes (as written) and double quotes (with escapes),
 * both over several lines. Nothing is expanded or run.
 */
export function parseEnvFile(text: string): EnvFile {
  const lines = text.replaceAll(/\r\n?/g, '\n').split('\n');
  const entries = new Map<string, string>();
  const problems: EnvProblem[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (/^\s*(#|$)/.test(line)) continue;
    const match = assignment.exec(line);
    if (!match?.[1]) {
      problems.push({ line: at + 1, text: line });
      continue;
    }
    const rest = line.slice(match[0].length);
    const quote = rest[0];
    if (quote !== '"' && quote !== "'") {
      entries.set(match[1], rest.replace(/\s+#.*$/, '').trim());
      continue;
    }
    let body = rest.slice(1);
    const first = at;
    while (closingQuote(body, quote) < 0 && at + 1 < lines.length) body += `\n${lines[(at += 1)]}`;
    const end = closingQuote(body, quote);
    if (end < 0) {
      problems.push({ line: first + 1, text: line });
      at = first;
      continue;
    }
    const value = body.slice(0, end);
    entries.set(match[1], quote === '"' ? unescape(value) : value);
  }
  return { entries: [...entries].map(([name, value]) => ({ name, value })), problems };
}

function closingQuote(body: string, quote: string): number {
  for (let at = 0; at < body.length; at += 1) {
    if (quote === '"' && body[at] === '\\') at += 1;
    else if (body[at] === quote) return at;
  }
  return -1;
}

function unescape(value: string): string {
  return value.replaceAll(/\\([nrt"\\$])/g, (_, letter: string) => escapes[letter] ?? letter);
}
