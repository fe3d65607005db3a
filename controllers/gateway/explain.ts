import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import type { Explanation, NginxAdmin } from './nginx/admin-client.ts';

const pairs = z.record(z.string().max(256), z.string().max(8_192)).default({});

const explainInput = z.object({
  method: z
    .string()
    .regex(/^[A-Z]{1,16}$/, 'A method is in capital letters')
    .default('GET'),
  scheme: z.enum(['http', 'https']).default('http'),
  host: z.string().max(253),
  /** With or without query. */
  path: z.string().max(8_192).startsWith('/', 'A path begins with "/"'),
  headers: pairs,
  cookies: pairs,
  /** Beside those in `path`. */
  query: pairs,
  clientIp: z.union([z.ipv4(), z.ipv6()]).optional(),
});
/** A request to explain. */
export type ExplainInput = z.input<typeof explainInput>;

/** Asks nginx itself which rule would take a request; throws INVALID on a malformed question. */
export function explainAction(admin: NginxAdmin): (input: unknown) => Promise<Explanation> {
  return async (input) => {
    const parsed = explainInput.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new AppError(
        'INVALID',
        `Cannot explain the request: ${issue?.path.join('.')}: ${issue?.message}`,
      );
    }
    const { cookies, headers, query, path, ...question } = parsed.data;
    const [plain = '/', search = ''] = path.split(/\?(.*)/s);
    const cookie = Object.entries(cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
    const lowered = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    return admin.explain({
      ...question,
      path: normalised(plain),
      headers: { ...lowered, ...(cookie ? { cookie } : {}) },
      query: { ...Object.fromEntries([...new URLSearchParams(search)].toReversed()), ...query },
    });
  };
}

/** A path as nginx compares it: decoded, without `.`, `..` and doubled slashes. */
function normalised(path: string): string {
  const kept: string[] = [];
  const parts = decoded(path).split('/').slice(1);
  for (const part of parts) {
    if (part === '..') kept.pop();
    else if (part !== '.' && part !== '') kept.push(part);
  }
  const endsOpen = ['', '.', '..'].includes(parts.at(-1) ?? '') && kept.length > 0;
  return `/${kept.join('/')}${endsOpen ? '/' : ''}`;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new AppError('INVALID', 'Cannot explain the request: path: is not percent-encoded', {
      cause: error,
    });
  }
}
