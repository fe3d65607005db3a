import { AppError } from '@skyarc/lib/errors';

export interface RequestPath {
  /** Decoded, each safe as a name of a file or folder. */
  readonly parts: readonly string[];
  readonly hasFinalSlash: boolean;
  readonly search: URLSearchParams;
}

const longest = 2_048;
// oxlint-disable-next-line no-control-regex -- these are what is refused
const unsafe = /[\u0000-\u001f\u007f\\%]/;

/**
 * Takes a request's target apart. Throws INVALID for what is too long or could leave its place: "." and "..",
 * empty parts, encoded separators other than that of an npm scope, controls, anything encoded twice.
 */
export function parseRequestPath(target: string): RequestPath {
  if (target.length > longest) throw new AppError('INVALID', 'The address is too long');
  const [path = '', query = ''] = split(target, '?');
  if (!path.startsWith('/')) throw new AppError('INVALID', 'The address has no path');
  const raw = path.slice(1).replace(/%2f/gi, '/').split('/');
  const hasFinalSlash = raw.at(-1) === '';
  const parts = (hasFinalSlash ? raw.slice(0, -1) : raw).map(decode);
  for (const part of parts) {
    if (
      part === '' ||
      part === '.' ||
      part === '..' ||
      part.includes('/') ||
      unsafe.test(part) ||
      part.length > 255
    )
      throw new AppError('INVALID', 'The address has a part that is not a plain name');
  }
  return { parts, hasFinalSlash, search: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new AppError('INVALID', 'The address is not encoded rightly', { cause: error });
  }
}

function split(text: string, at: string): string[] {
  const index = text.indexOf(at);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
