import { Writable } from 'node:stream';
import { Exec, type KubeConfig, type V1Status } from '@kubernetes/client-node';
import { AppError, isNotFound, messageOf } from '@skyarc/lib/errors';
import { infoOf, pathOf, type KindTable, type Resource } from './kinds.ts';
import { KubeTransport, statusError } from './transport.ts';

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Deletes only this very object, in this very state; CONFLICT otherwise. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface PodRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

const pageSize = 1_000;
const watchTimeoutSec = 300;
/** A watch without a byte (bookmarks count) for so long is begun anew: half-open sockets say nothing. */
const watchSilenceMs = 70_000;

/**
 * The Kubernetes API as wire JSON. Errors are AppErrors with `details.reason` as Kubernetes names it:
 * NOT_FOUND, CONFLICT (409 and 410), INVALID (400, 422), FORBIDDEN, UNAVAILABLE, TIMEOUT.
 */
export class KubeClient {
  readonly transport: KubeTransport;

  constructor(kubeConfig: KubeConfig) {
    this.transport = new KubeTransport(kubeConfig);
  }

  async find<R extends Resource>(
    resource: R,
    name: string,
    namespace?: string,
  ): Promise<KindTable[R] | null> {
    try {
      return await this.transport.json({ path: pathOf(resource, namespace, name) });
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** Everything that matches, read page by page. */
  async list<R extends Resource>(
    resource: R,
    options: ListOptions & { signal?: AbortSignal } = {},
  ): Promise<{ items: KindTable[R][]; resourceVersion: string }> {
    const items: KindTable[R][] = [];
    const { namespace, labelSelector, fieldSelector, signal } = options;
    for (let token: string | undefined; ;) {
      const page = await this.transport.json<{
        items?: KindTable[R][] | null;
        metadata: { resourceVersion?: string; continue?: string };
      }>({
        path: pathOf(resource, namespace),
        query: { labelSelector, fieldSelector, limit: pageSize, continue: token },
        signal,
      });
      items.push(...(page.items ?? []));
      token = page.metadata.continue || undefined;
      if (!token) return { items, resourceVersion: page.metadata.resourceVersion ?? '' };
    }
  }

  /** Changes after the resource version; ends when the server or a silence ends it. An expired version throws CONFLICT `Expired`. */
  async *watch<R extends Resource>(
    resource: R,
    options: ListOptions & { resourceVersion: string; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<KindTable[R]>> {
    const { namespace, labelSelector, fieldSelector, resourceVersion } = options;
    const silence = new AbortController();
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), watchSilenceMs);
    };
    let timer = setTimeout(() => silence.abort(), watchSilenceMs);
    try {
      const response = await this.transport.open({
        path: pathOf(resource, namespace),
        query: {
          watch: 1,
          allowWatchBookmarks: true,
          timeoutSeconds: watchTimeoutSec,
          labelSelector,
          fieldSelector,
          resourceVersion,
        },
        signal: AbortSignal.any([options.signal, silence.signal]),
      });
      const decoder = new TextDecoder();
      let partial = '';
      for await (const chunk of response.body ?? []) {
        heard();
        const lines = (partial + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
        partial = lines.pop() ?? '';
        for (const line of lines) {
          if (line) yield eventOf<KindTable[R]>(resource, line);
        }
      }
    } catch (error) {
      if (options.signal.aborted || silence.signal.aborted) return;
      throw error instanceof AppError
        ? error
        : new AppError('UNAVAILABLE', `The watch of ${resource} broke: ${messageOf(error)}`, {
            cause: error,
          });
    } finally {
      clearTimeout(timer);
    }
  }

  async create<R extends Resource>(resource: R, object: KindTable[R]): Promise<KindTable[R]> {
    const { apiVersion, kind } = infoOf(resource);
    const { namespace } = object.metadata ?? {};
    return this.transport.json({
      method: 'POST',
      path: pathOf(resource, namespace),
      body: { apiVersion, kind, ...object },
    });
  }

  /** JSON merge patch (RFC 7386) of the object or its status. */
  async patch<R extends Resource>(
    resource: R,
    ref: { name: string; namespace?: string; subresource?: 'status' | 'scale' | 'resize' },
    patch: object,
  ): Promise<KindTable[R]> {
    return this.transport.json({
      method: 'PATCH',
      path: pathOf(resource, ref.namespace, ref.name) + (ref.subresource ? `/${ref.subresource}` : ''),
      body: patch,
      contentType: 'application/merge-patch+json',
    });
  }

  /** Asks for deletion; no error when there is no such object. */
  async delete(
    resource: Resource,
    name: string,
    namespace?: string,
    options: DeleteOptions = { propagationPolicy: 'Background' },
  ): Promise<void> {
    try {
      await this.transport.json({ method: 'DELETE', path: pathOf(resource, namespace, name), body: options });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /**
   * Asks for a pod's deletion by eviction (policy/v1), of this very pod when its uid is given; no error when it
   * is gone. Throws EXHAUSTED while a disruption budget refuses, with its sentence.
   */
  async evict(name: string, namespace: string, uid?: string): Promise<void> {
    const deleteOptions = uid ? { preconditions: { uid } } : undefined;
    try {
      await this.transport.json({
        method: 'POST',
        path: `${pathOf('pods', namespace, name)}/eviction`,
        body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace }, deleteOptions },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The newest lines of a container's log; of its previous life when asked. */
  async tailLog(ref: PodRef, options: { lines: number; previous?: boolean }): Promise<string[]> {
    const response = await this.transport.open({
      path: `${pathOf('pods', ref.namespace, ref.pod)}/log`,
      query: {
        container: ref.container,
        tailLines: options.lines,
        limitBytes: 65_536,
        previous: options.previous,
      },
      signal: AbortSignal.timeout(5_000),
    });
    return (await response.text()).split('\n').filter(Boolean).slice(-options.lines);
  }

  /** Runs a command in a container and answers its standard output. Throws UNAVAILABLE when it cannot or takes too long. */
  async exec(ref: PodRef, command: readonly string[], timeoutMs = 5_000): Promise<string> {
    const chunks: Buffer[] = [];
    const sink = (keep: boolean) =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          if (keep) chunks.push(chunk);
          done();
        },
      });
    const { promise, resolve, reject } = Promise.withResolvers<V1Status | undefined>();
    const timer = setTimeout(() => reject(new Error(`no end within ${timeoutMs} ms`)), timeoutMs);
    try {
      const socket = await new Exec(this.transport.kubeConfig).exec(
        ref.namespace,
        ref.pod,
        ref.container,
        [...command],
        sink(true),
        sink(false),
        null,
        false,
        resolve,
      );
      socket.on('close', () => resolve(undefined));
      socket.on('error', reject);
      try {
        await promise;
      } finally {
        socket.close();
      }
      return Buffer.concat(chunks).toString('utf8');
    } catch (cause) {
      throw new AppError('UNAVAILABLE', `Cannot run ${command[0]} in pod ${ref.pod}: ${messageOf(cause)}`, {
        cause,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Version of the API server, e.g. `v1.32.4`. */
  async version(): Promise<string> {
    return (await this.transport.json<{ gitVersion: string }>({ path: '/version' })).gitVersion;
  }

  close(): Promise<void> {
    return this.transport.close();
  }
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof AppError && error.details['reason'] === 'AlreadyExists';
}

function eventOf<T>(resource: string, line: string): WatchEvent<T> {
  const event = JSON.parse(line) as { type: string; object: T };
  if (event.type === 'ERROR') throw statusError(`the watch of ${resource}`, event.object);
  return event as WatchEvent<T>;
}
