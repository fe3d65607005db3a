import { AppError, messageOf } from '@skyarc/lib/errors';
import { z } from 'zod';

const timeoutMs = 3_000;

const explanation = z.object({
  rule: z
    .object({ ingress: z.string(), host: z.string(), pathType: z.string(), path: z.string() })
    .optional(),
  targets: z.preprocess(
    // Lua writes an empty list as an empty object.
    (value) => (Array.isArray(value) || value === undefined ? value : []),
    z.array(z.object({ backend: z.string(), share: z.number(), endpoints: z.number() })).optional(),
  ),
  why: z.string(),
  refused: z.string().optional(),
  passedOver: z.array(z.object({ ingress: z.string(), path: z.string(), reason: z.string() })).default([]),
});
export type GatewayExplanation = z.output<typeof explanation>;

const snapshot = z.object({
  routes: z.array(
    z.object({
      namespace: z.string(),
      ingress: z.string(),
      requestsPerSecond: z.number(),
      errorsPerSecond: z.number(),
      p50Ms: z.number(),
      p95Ms: z.number(),
      p99Ms: z.number(),
    }),
  ),
});
export type RouteFigures = z.output<typeof snapshot>['routes'][number];

/** A request as the gateways are asked about it. */
export interface GatewayQuestion {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clientIp?: string | undefined;
}

/** The gateways of a data centre as their status servers speak; they are alike, and each counts its own requests. */
export class Gateways {
  private readonly urls: readonly string[];

  constructor(urls: readonly string[]) {
    this.urls = urls;
  }

  /** Of the first that answers. Throws INVALID for a question that makes no sense, UNAVAILABLE when none answers. */
  async explain(question: GatewayQuestion): Promise<GatewayExplanation> {
    let problem: unknown = 'this data centre has no gateway';
    for (const url of this.urls) {
      try {
        return explanation.parse(await call(`${url}/explain`, question));
      } catch (error) {
        if (error instanceof AppError && error.code === 'INVALID') throw error;
        problem = error;
      }
    }
    throw new AppError('UNAVAILABLE', `Cannot ask the gateway: ${messageOf(problem)}`);
  }

  /** What each route of a namespace did in the last minute, by gateway; those that do not answer are left out. */
  async figuresOf(namespace: string): Promise<RouteFigures[]> {
    const answers = await Promise.all(
      this.urls.map(async (url) => {
        try {
          return snapshot.parse(await call(`${url}/routes/stats`)).routes;
        } catch {
          return [];
        }
      }),
    );
    return answers.flat().filter((route) => route.namespace === namespace);
  }
}

async function call(url: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { readonly message?: unknown };
  if (response.ok) return answer;
  const message = typeof answer.message === 'string' ? answer.message : `status ${response.status}`;
  throw new AppError(response.status === 400 ? 'INVALID' : 'UNAVAILABLE', message);
}
