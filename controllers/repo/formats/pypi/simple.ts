import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import type { Digests } from '../../store/digests.ts';

/** One file of a project (PEP 503, 691, 658, 592). */
export interface ProjectFile {
  readonly name: string;
  readonly url: string;
  readonly digests: Digests;
  readonly requiresPython?: string;
  /** Why nobody should choose it; empty text: without a reason. */
  readonly yanked?: string;
  /** Digests of its metadata file, when there is one. */
  readonly metadata?: Digests;
  readonly size?: number;
  readonly uploadTime?: string;
}

export const simpleJson = 'application/vnd.pypi.simple.v1+json';
export const simpleHtml = 'application/vnd.pypi.simple.v1+html';

/** The one spelling of a project's name (PEP 503). */
export function normalize(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

export function isProjectName(name: string): boolean {
  return /^[A-Za-z0-9](?:[\w.-]{0,126}[A-Za-z0-9])?$/.test(name);
}

export function isFileName(name: string): boolean {
  return /^[A-Za-z0-9][\w.+!-]{0,250}$/.test(name);
}

const hashes = z.record(z.string(), z.string());
const page = z.looseObject({
  files: z.array(
    z.looseObject({
      filename: z.string(),
      url: z.string(),
      hashes: hashes.default({}),
      'requires-python': z.string().nullish(),
      yanked: z.union([z.boolean(), z.string()]).optional(),
      'core-metadata': z.union([z.boolean(), hashes]).optional(),
      'dist-info-metadata': z.union([z.boolean(), hashes]).optional(),
      size: z.number().nullish(),
      'upload-time': z.string().nullish(),
    }),
  ),
});

/** Reads a project's page in either form; addresses become absolute. Throws UNAVAILABLE when it cannot be read. */
export function parseSimple(text: string, type: string, url: string): ProjectFile[] {
  try {
    return /json/.test(type) || /^\s*\{/.test(text) ? parseJson(text, url) : parseHtml(text, url);
  } catch (error) {
    throw new AppError('UNAVAILABLE', `The upstream's page ${new URL(url).pathname} cannot be read`, {
      cause: error,
    });
  }
}

function parseJson(text: string, url: string): ProjectFile[] {
  return page.parse(JSON.parse(text)).files.map((file) => ({
    name: file.filename,
    url: new URL(file.url, url).href,
    digests: digestsOf(file.hashes),
    ...(file['requires-python'] ? { requiresPython: file['requires-python'] } : {}),
    ...yankedOf(file.yanked),
    ...metadataOf(file['core-metadata'] ?? file['dist-info-metadata']),
    ...(typeof file.size === 'number' ? { size: file.size } : {}),
    ...(file['upload-time'] ? { uploadTime: file['upload-time'] } : {}),
  }));
}

function parseHtml(text: string, url: string): ProjectFile[] {
  const base = /<base\s[^>]*href="([^"]*)"/i.exec(text)?.[1] ?? '';
  return [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)].flatMap(([, attributes = '', label = '']) => {
    const at = (name: string) => {
      const value = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'i').exec(attributes);
      return value ? unescape(value[1] ?? value[2] ?? '') : undefined;
    };
    const href = at('href');
    if (!href) return [];
    const target = new URL(href, new URL(unescape(base), url));
    const digests = fragmentDigests(target.hash.slice(1));
    target.hash = '';
    const python = at('data-requires-python');
    const metadata = at('data-core-metadata') ?? at('data-dist-info-metadata');
    return [
      {
        name: unescape(label).trim() || decodeURIComponent(target.pathname.split('/').at(-1) ?? ''),
        url: target.href,
        digests,
        ...(python ? { requiresPython: python } : {}),
        ...yankedOf(at('data-yanked')),
        ...metadataOf(metadata === undefined ? undefined : fragmentDigests(metadata)),
      },
    ];
  });
}

function fragmentDigests(fragment: string): Digests {
  const [name = '', value = ''] = fragment.split('=');
  return digestsOf({ [name]: value });
}

function digestsOf(all: Readonly<Record<string, string>>): Digests {
  const known = ['sha512', 'sha384', 'sha256', 'sha1', 'md5'];
  return Object.fromEntries(
    Object.entries(all).filter(([name, value]) => known.includes(name) && /^[0-9a-f]+$/i.test(value)),
  );
}

function yankedOf(value: boolean | string | undefined): { yanked?: string } {
  if (value === undefined || value === false) return {};
  return { yanked: value === true ? '' : value };
}

function metadataOf(value: boolean | Readonly<Record<string, string>> | undefined): { metadata?: Digests } {
  if (typeof value !== 'object') return {};
  const digests = digestsOf(value);
  return Object.keys(digests).length > 0 ? { metadata: digests } : {};
}

/** A project's page with files at `../../files/<project>/<file>`, whatever our address is. */
export function renderSimple(project: string, files: readonly ProjectFile[], asJson: boolean): string {
  const place = (file: ProjectFile) => `../../files/${project}/${encodeURIComponent(file.name)}`;
  if (asJson) {
    return JSON.stringify({
      meta: { 'api-version': '1.1' },
      name: project,
      versions: [],
      files: files.map((file) => ({
        filename: file.name,
        url: place(file),
        hashes: file.digests,
        ...(file.requiresPython ? { 'requires-python': file.requiresPython } : {}),
        ...(file.yanked === undefined ? {} : { yanked: file.yanked || true }),
        ...(file.metadata ? { 'core-metadata': file.metadata } : {}),
        size: file.size ?? null,
        ...(file.uploadTime ? { 'upload-time': file.uploadTime } : {}),
      })),
    }).replace(',"versions":[]', '');
  }
  const links = files.map((file) => {
    const [best] = Object.entries(file.digests).toSorted(([a], [b]) => rank(a) - rank(b));
    const metadata = file.metadata?.sha256;
    const attributes = [
      `href="${escape(place(file))}${best ? `#${best[0]}=${best[1]}` : ''}"`,
      ...(file.requiresPython ? [`data-requires-python="${escape(file.requiresPython)}"`] : []),
      ...(file.yanked === undefined ? [] : [`data-yanked="${escape(file.yanked)}"`]),
      ...(metadata ? [`data-core-metadata="sha256=${metadata}"`] : []),
    ];
    return `<a ${attributes.join(' ')}>${escape(file.name)}</a><br>`;
  });
  return renderPage(`Links for ${project}`, links);
}

/** The list of projects, each a link to its page. */
export function renderProjects(projects: readonly string[], asJson: boolean): string {
  if (asJson) {
    return JSON.stringify({ meta: { 'api-version': '1.1' }, projects: projects.map((name) => ({ name })) });
  }
  return renderPage(
    'Projects',
    projects.map((name) => `<a href="${escape(name)}/">${escape(name)}</a><br>`),
  );
}

function renderPage(title: string, lines: readonly string[]): string {
  const head = `<meta name="pypi:repository-version" content="1.1"><title>${escape(title)}</title>`;
  return `<!DOCTYPE html>\n<html><head>${head}</head><body>\n${lines.join('\n')}\n</body></html>\n`;
}

/** pip knows SHA-256 best. */
function rank(name: string): number {
  return ['sha256', 'sha512', 'sha384', 'sha1', 'md5'].indexOf(name);
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

function unescape(text: string): string {
  const names: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(\w{2,4}));/gi, (all, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return names[String(name).toLowerCase()] ?? all;
  });
}
