import { AppError, type ErrorCode } from '@skyarc/lib/errors';
import { request } from 'undici';

/** Labels of a series; `__name__` is its name. */
export type Labels = Readonly<Record<string, string>>;
/** Unix seconds, and the value as Prometheus writes it. */
export type Sample = readonly [at: number, value: string];

export interface InstantSeries {
  readonly metric: Labels;
  readonly value: Sample;
}
export interface RangeSeries {
  readonly metric: Labels;
  readonly values: readonly Sample[];
}

export type QueryData =
  | { readonly resultType: 'vector'; readonly result: readonly InstantSeries[] }
  | { readonly resultType: 'matrix'; readonly result: readonly RangeSeries[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: Sample };

/** An answer of Prometheus' HTTP API (https://prometheus.io/docs/prometheus/2.42/querying/api/). */
export interface Answer<T> {
  readonly data: T;
  readonly warnings: readonly string[];
}

const codeOf: Readonly<Record<string, ErrorCode>> = {
  bad_data: 'INVALID',
  execution: 'INVALID',
  timeout: 'TIMEOUT',
  canceled: 'CANCELED',
  not_found: 'NOT_FOUND',
};

/** Asks one Prometheus. Throws what it says of the question, UNAVAILABLE when it does not answer. */
export async function ask<T>(
  url: string,
  path: string,
  parameters: URLSearchParams,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  let bytes: Uint8Array;
  try {
    const { body } = await request(`${url}${path}?${parameters}`, {
      signal: signal ?? AbortSignal.timeout(35_000),
    });
    bytes = await body.bytes();
  } catch (cause) {
    throw new AppError('UNAVAILABLE', `Prometheus at ${url} does not answer`, { cause });
  }
  return answerOf<T>(url, bytes);
}

/** Reads an answer. Throws what it says of the question, UNAVAILABLE for what is not of Prometheus. */
export function answerOf<T>(url: string, bytes: Uint8Array): Answer<T> {
  let body: {
    readonly status?: string;
    readonly data?: T;
    readonly errorType?: string;
    readonly error?: string;
    readonly warnings?: readonly string[];
  };
  try {
    body = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as typeof body;
  } catch (cause) {
    throw new AppError('UNAVAILABLE', `Prometheus at ${url} does not answer`, { cause });
  }
  if (body.status === 'success') return { data: body.data as T, warnings: body.warnings ?? [] };
  throw new AppError(codeOf[body.errorType ?? ''] ?? 'UNAVAILABLE', body.error ?? 'Prometheus refused');
}
