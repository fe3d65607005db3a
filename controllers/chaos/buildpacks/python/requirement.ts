import type { LockedNeed } from './lock-graph.ts';

/** Name, extras and marker of a requirement (PEP 508), or null when it has no name. */
export function needOf(line: string): LockedNeed | null {
  const [requirement = '', marker] = line.split(/;(.*)/s);
  const match = /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?/.exec(requirement);
  if (!match) return null;
  const extras = match[2]
    ?.split(',')
    .map((extra) => extra.trim())
    .filter(Boolean);
  return {
    name: match[1] as string,
    ...(marker?.trim() ? { marker: marker.trim() } : {}),
    ...(extras && extras.length > 0 ? { extras } : {}),
  };
}

/** A version range of Poetry or Pipfile as pip takes it: `^2.1` is `>=2.1,<3`. */
export function specifierOf(range: string): string {
  return range
    .split(',')
    .map((part) => part.trim())
    .map((part) => {
      if (part === '' || part === '*') return '';
      const caret = /^\^\s*(\d+)(?:\.(\d+))?([\w.]*)$/.exec(part);
      if (caret) {
        const [, major = '0', minor] = caret;
        const below = major === '0' && minor ? `0.${Number(minor) + 1}` : String(Number(major) + 1);
        return `>=${part.slice(1).trim()},<${below}`;
      }
      const tilde = /^~\s*(\d+)(?:\.(\d+))?([\w.]*)$/.exec(part);
      if (tilde) {
        const [, major = '0', minor] = tilde;
        const below = minor ? `${major}.${Number(minor) + 1}` : String(Number(major) + 1);
        return `>=${part.slice(1).trim()},<${below}`;
      }
      return /^[<>=!~]/.test(part) ? part.replace(/\s+/g, '') : `==${part}`;
    })
    .filter(Boolean)
    .join(',');
}
