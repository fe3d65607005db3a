import { request } from 'node:http';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { TableChange } from '../render/table.ts';

export interface NginxState {
  /** Of the table that nginx serves; absent before the first one. */
  readonly digest?: string;
  readonly version?: number;
  readonly freeBytes: number;
}

export interface NginxMetrics {
  readonly bounds: readonly number[];
  readonly counts: Readonly<Record<string, number>>;
  readonly connections: number;
}

/** Speaks with nginx's Lua over its unix socket (admin.lua). Throws UNAVAILABLE when nginx does not answer. */
export class NginxAdmin {
  private readonly socketPath: string;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  state(): Promise<NginxState> {
    return this.call('GET', '/state');
  }

  async keys(): Promise<string[]> {
    const { keys } = await this.call<{ keys: string[] | Record<string, never> }>('GET', '/keys');
    // Lua writes an empty list as an empty object.
    return Array.isArray(keys) ? keys : [];
  }

  metrics(): Promise<NginxMetrics> {
    return this.call('GET', '/metrics');
  }

  async apply(change: TableChange): Promise<void> {
    await this.call('POST', '/apply', change);
  }

  private call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const fail = (reason: unknown) =>
      reject(
        new AppError('UNAVAILABLE', `nginx does not take ${method} ${path}: ${messageOf(reason)}`, {
          cause: reason,
        }),
      );
    const call = request({ socketPath: this.socketPath, method, path, timeout: 5_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        try {
          const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as T & { message?: string };
          if (response.statusCode === 200) resolve(answer);
          else fail(answer.message ?? `status ${response.statusCode}`);
        } catch (error) {
          fail(error);
        }
      });
    });
    call.on('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.on('error', fail);
    call.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }
}
