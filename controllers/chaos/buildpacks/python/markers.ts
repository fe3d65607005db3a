import { pythonVersion } from '../../base/runtimes/python.ts';

/** Versions compare by numbers, all else as text. */
const versions = new Set(['python_version', 'python_full_version', 'implementation_version']);

const environment: Readonly<Record<string, string>> = {
  python_version: pythonVersion,
  python_full_version: `${pythonVersion}.2`,
  implementation_version: `${pythonVersion}.2`,
  os_name: 'posix',
  sys_platform: 'linux',
  platform_machine: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
  platform_system: 'Linux',
  platform_release: '',
  platform_version: '',
  platform_python_implementation: 'CPython',
  implementation_name: 'cpython',
};

/**
 * Whether an environment marker (PEP 508) holds for the Python of our images; `extras` are those asked for of
 * the package that carries it. What is not understood holds.
 */
export function markerHolds(marker: string, extras: ReadonlySet<string> = new Set()): boolean {
  const tokens = marker.match(/\(|\)|"[^"]*"|'[^']*'|(?:not\s+in|in|and|or)\b|[<>=!~]=?=?|[\w.]+/g) ?? [];
  return new MarkerReader(tokens, extras).read();
}

/** Recursive descent over `or`, `and`, and comparisons. */
class MarkerReader {
  private readonly tokens: readonly string[];
  private readonly extras: ReadonlySet<string>;
  private at = 0;

  constructor(tokens: readonly string[], extras: ReadonlySet<string>) {
    this.tokens = tokens;
    this.extras = extras;
  }

  read(): boolean {
    let holds = this.both();
    while (this.take('or')) holds = this.both() || holds;
    return holds;
  }

  private both(): boolean {
    let holds = this.one();
    while (this.take('and')) holds = this.one() && holds;
    return holds;
  }

  private one(): boolean {
    if (this.take('(')) {
      const holds = this.read();
      this.take(')');
      return holds;
    }
    const [left = '', operator = '', right = ''] = this.tokens.slice(this.at, this.at + 3);
    this.at += 3;
    return this.compare(left, operator.replace(/\s+/g, ' '), right);
  }

  private take(word: string): boolean {
    if (this.tokens[this.at] !== word) return false;
    this.at += 1;
    return true;
  }

  private compare(left: string, operator: string, right: string): boolean {
    const names = [left, right].filter((token) => !/^["']/.test(token));
    const [a, b] = [left, right].map((token) =>
      /^["']/.test(token) ? token.slice(1, -1) : (environment[token] ?? ''),
    ) as [string, string];
    if (names.includes('extra')) {
      const has = this.extras.has((left === 'extra' ? b : a).toLowerCase());
      return operator === '!=' ? !has : has;
    }
    if (operator === 'in') return b.includes(a);
    if (operator === 'not in') return !b.includes(a);
    const difference = names.some((token) => versions.has(token))
      ? compareVersions(a, b.replace(/\.\*$/, ''), b.endsWith('.*'))
      : Number(a > b) - Number(a < b);
    if (operator === '==' || operator === '===') return difference === 0;
    if (operator === '!=') return difference !== 0;
    if (operator === '<') return difference < 0;
    if (operator === '<=') return difference <= 0;
    if (operator === '>') return difference > 0;
    return operator === '>=' || operator === '~=' ? difference >= 0 : true;
  }
}

function compareVersions(left: string, right: string, onlyPrefix: boolean): number {
  const [a, b] = [left, right].map((text) =>
    text.split('.').map((part) => Number.parseInt(part, 10) || 0),
  ) as [number[], number[]];
  const length = onlyPrefix ? b.length : Math.max(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
