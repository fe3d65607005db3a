import { AppError, type ErrorCode, httpStatusOf } from '@skyarc/lib/errors';
import { z } from 'zod';
import type { ResolvedApiConfig } from '../config.ts';

const timeoutMs = 35_000;

const refusal = z.object({ code: z.string().optional(), message: z.string().optional() });
const range = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
  warnings: z.array(z.string()).default([]),
});
const instant = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});
export type RangeAnswer = z.output<typeof range>;

/** The monitors of this data centre; each knows everything, so the first that answers is asked. */
export class MonitorClient {
  private readonly urls: readonly string[];
  private readonly token: string;

  constructor(config: ResolvedApiConfig['monitor']) {
    this.urls = (config?.urls ?? []).map((url) => url.replace(/\/$/, ''));
    this.token = config?.token ?? '';
  }

  /** Values now. Throws INVALID for a wrong expression, UNAVAILABLE. */
  query(query: string): Promise<z.output<typeof instant>> {
    return this.call('GET', `/api/v1/query?${new URLSearchParams({ query })}`, instant);
  }

  /** Throws INVALID for a wrong expression, UNAVAILABLE. */
  async queryRange(
    query: string,
    { from, to, stepSec }: { readonly from: number; readonly to: number; readonly stepSec: number },
  ): Promise<RangeAnswer> {
    const parameters = { query, start: String(from), end: String(to), step: String(stepSec) };
    return this.call('GET', `/api/v1/query_range?${new URLSearchParams(parameters)}`, range);
  }

  /** Throws what the monitor says, UNAVAILABLE when none answers. */
  async call<Schema extends z.ZodType>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>> {
    for (const url of this.urls) {
      let response: Response;
      let answer: unknown;
      try {
        response = await fetch(`${url}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${this.token}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(timeoutMs),
        });
        answer = await response.json();
      } catch {
        continue;
      }
      if (response.ok) return schema.parse(answer);
      const { code = '', message = 'The monitor refuses' } = refusal.safeParse(answer).data ?? {};
      throw new AppError(code in httpStatusOf ? (code as ErrorCode) : 'UNAVAILABLE', message);
    }
    throw new AppError('UNAVAILABLE', 'Monitoring does not answer');
  }

  /** Tells all monitors that records have changed; they look by themselves when they do not hear it. */
  async changed(): Promise<void> {
    await Promise.allSettled(
      this.urls.map((url) =>
        fetch(`${url}/sync`, {
          method: 'POST',
          headers: { authorization: `Bearer ${this.token}` },
          signal: AbortSignal.timeout(5_000),
        }).then((response) => response.body?.cancel()),
      ),
    );
  }
}
