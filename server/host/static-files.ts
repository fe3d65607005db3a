import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.map': 'application/json; charset=utf-8',
};

/** Sent with every answer; nothing may come from elsewhere, and nobody may frame us. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

/**
 * Serves an exported site: `/app` is `app.html` or `app/index.html`, unknown paths are `404.html`. Names
 * under `/_next/static/` have a hash in them and are kept for ever, all else is asked again.
 */
export class StaticFiles {
  private readonly root: string;
  /** Content security policy of each page: its own inline scripts by hash. */
  private readonly policies = new Map<string, { mtimeMs: number; policy: string }>();

  constructor(root: string) {
    this.root = root;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const path = pathOf(request.url ?? '/');
    const found = path === null ? null : await this.find(path);
    const file = found ?? (await this.file('404.html'));
    if (!file) {
      response
        .writeHead(404, { 'content-type': 'text/plain; charset=utf-8', ...securityHeaders })
        .end('not found\n');
      return;
    }
    const etag = `"${file.size.toString(36)}-${Math.round(file.mtimeMs).toString(36)}"`;
    const headers = {
      ...securityHeaders,
      etag,
      'content-type': types[extname(file.path)] ?? 'application/octet-stream',
      'cache-control': path?.startsWith('/_next/static/')
        ? 'public, max-age=31536000, immutable'
        : 'no-cache',
      ...(file.path.endsWith('.html')
        ? {
            'content-security-policy': `${await this.policyOf(file)}; connect-src ${connectSources(request)}`,
          }
        : {}),
    };
    if (found && request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(found ? 200 : 404, { ...headers, 'content-length': file.size });
    if (request.method === 'HEAD') response.end();
    else await pipeline(createReadStream(file.path), response).catch(() => response.destroy());
  }

  private async find(path: string): Promise<FoundFile | null> {
    const bare = path.replace(/\/+$/, '');
    const candidates = bare === '' ? ['/index.html'] : [bare, `${bare}.html`, `${bare}/index.html`];
    for (const candidate of candidates) {
      const file = await this.file(candidate);
      if (file) return file;
    }
    return null;
  }

  private async file(relative: string): Promise<FoundFile | null> {
    const path = join(this.root, relative);
    const stats = await stat(path).catch(() => null);
    return stats?.isFile() ? { path, size: stats.size, mtimeMs: stats.mtimeMs } : null;
  }

  private async policyOf(file: FoundFile): Promise<string> {
    const known = this.policies.get(file.path);
    if (known?.mtimeMs === file.mtimeMs) return known.policy;
    const html = await readFile(file.path, 'utf8');
    const hashes = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
      ([, script]) =>
        `'sha256-${createHash('sha256')
          .update(script ?? '')
          .digest('base64')}'`,
    );
    const policy = [
      "default-src 'self'",
      `script-src 'self' ${[...new Set(hashes)].join(' ')}`.trim(),
      // antd writes its styles into the page while it runs.
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "font-src 'self' data:",
      "object-src 'none'",
      "base-uri 'self'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ].join('; ');
    this.policies.set(file.path, { mtimeMs: file.mtimeMs, policy });
    return policy;
  }
}

/** Ourselves, also by WebSocket, which not every browser takes for `'self'`. */
function connectSources({ headers }: IncomingMessage): string {
  const host = /^[\w.:[\]-]+$/.test(headers.host ?? '') ? headers.host : undefined;
  return host === undefined ? "'self'" : `'self' ws://${host} wss://${host}`;
}

interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** The decoded path, or null when it is malformed or tries to leave the root. */
function pathOf(url: string): string | null {
  try {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    const isSafe =
      !path.includes('\0') && !path.includes('\\') && !path.split('/').some((part) => part.startsWith('..'));
    return isSafe ? normalize(path) : null;
  } catch {
    return null;
  }
}
