import { z } from 'zod';

/**
 * A regular expression that PCRE and JavaScript read alike: no look-around, back references or verbs. The
 * gateway also bounds the steps of a match; one that needs more does not match.
 */
export const pattern = z
  .string()
  .min(1, 'A pattern is needed')
  .max(256, 'A pattern has at most 256 characters')
  .regex(/^[\x20-\x7e]*$/, 'A pattern has only printable ASCII characters')
  .refine(
    (text) => !/\(\*|\(\?(?!:)|\\[^\\^$.|?*+()[\]{}/dDwWsSbB&=~:;,@!%#'"<>_ -]|\[[.:=]/.test(text),
    'A pattern has no look-around, named groups, back references or verbs; only (...), (?:...), classes such as \\d \\w \\s, \\b and escaped signs',
  )
  .refine(
    (text) =>
      !/[*+?}][+*]|\{\d*,?\d{4,}|\{\d{4,}/.test(text.replaceAll(/\\./g, 'x').replaceAll(/\[[^\]]*\]/g, 'x')),
    'A pattern has no possessive quantifiers and repeats nothing more than 999 times',
  )
  .refine(isPattern, 'is not a valid regular expression');

function isPattern(text: string): boolean {
  try {
    new RegExp(text).test('');
    return true;
  } catch {
    return false;
  }
}

/** A field name (RFC 9110, 5.1), compared without case. */
export const headerName = z
  .string()
  .max(64, 'A header name has at most 64 characters')
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, 'A header name has only letters, digits and "-"');

/** Printable ASCII without line breaks, so that no second header can hide in it. */
export const headerValue = z
  .string()
  .max(4_096, 'A header value has at most 4096 characters')
  .regex(/^[\x20-\x7e]*$/, 'A header value has only printable ASCII characters');

/** A cookie name (RFC 6265 token). */
export const cookieName = z
  .string()
  .min(1, 'A cookie name is needed')
  .max(64, 'A cookie name has at most 64 characters')
  .regex(/^[A-Za-z0-9_.-]+$/, 'A cookie name has only letters, digits, "_", "." and "-"');

const queryName = z
  .string()
  .min(1, 'A query parameter name is needed')
  .max(64, 'A query parameter name has at most 64 characters')
  .regex(/^[A-Za-z0-9_.[\]-]+$/, 'A query parameter name has only letters, digits and _ . - [ ]');

export const httpMethod = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export const matchOperator = z.enum(['EXACT', 'PREFIX', 'REGEX', 'PRESENT', 'ABSENT']);

const condition = <N extends z.ZodType<string>>(name: N) =>
  z
    .object({
      name,
      op: matchOperator.default('EXACT'),
      /** What EXACT, PREFIX and REGEX (searched, anchor it by ^ and $) compare with; absent for PRESENT and ABSENT. */
      value: z.string().max(1_024, 'A value to match has at most 1024 characters').nullish(),
    })
    .superRefine(({ op, value }, context) => {
      const needsValue = op !== 'PRESENT' && op !== 'ABSENT';
      const fail = (message: string) =>
        context.addIssue({ code: 'custom', path: ['value'], message, input: value });
      if (needsValue && (value === undefined || value === null)) return fail(`${op} needs a value`);
      if (!needsValue && typeof value === 'string') return fail(`${op} has no value`);
      if (op !== 'REGEX') return;
      for (const issue of pattern.safeParse(value).error?.issues ?? []) fail(issue.message);
    });

const few = <T extends z.ZodType>(item: T, what: string) =>
  z.array(item).max(16, `At most 16 ${what}`).default([]);

/** What a request must bring beside host and path: everything listed; any one of `methods`. Empty matches all. */
export const routeMatch = z.object({
  headers: few(condition(headerName), 'header conditions'),
  cookies: few(condition(cookieName), 'cookie conditions'),
  /** Compared after percent-decoding; the first of a repeated parameter counts. */
  query: few(condition(queryName), 'query conditions'),
  methods: few(httpMethod, 'methods'),
});
export type RouteMatch = z.infer<typeof routeMatch>;
