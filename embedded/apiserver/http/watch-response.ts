import type { ServerResponse } from 'node:http';
import { toAppError } from '@skyarc/lib/errors';
import { badRequest, statusOf } from '../errors.ts';
import type { Entry } from '../entry.ts';
import type { JsonObject } from '../object.ts';
import type { Registry } from '../registry.ts';
import { servedVersionOf, wireText, type Served } from '../served.ts';
import type { Form } from './accept.ts';
import { flag, wholeNumber, type Exchange } from './exchange.ts';
import { metadataOnly, tableOf, type IncludeObject } from './table.ts';

/** A client that reads slower than this behind is cut off; it resumes by its resource version. */
const maxUnsentBytes = 32 * 1024 * 1024;
const bookmarkEveryMs = 60_000;

/** Streams changes as JSON lines until the client leaves or its time is over. */
export function sendWatch(
  exchange: Exchange,
  registry: Registry,
  target: { served: Served; namespace: string | undefined; form: Form; include: IncludeObject },
): Promise<void> {
  const { query, response, signal } = exchange;
  const { served } = target;
  const timeoutSeconds = wholeNumber(query, 'timeoutSeconds') || 1_800 + Math.random() * 1_800;
  const withInitial = flag(query, 'sendInitialEvents');
  if (withInitial && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw badRequest('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  const frameOf = framer(target);
  let stop: () => void;
  const write = (frame: Buffer | string): void => {
    if (response.writableLength > maxUnsentBytes) response.destroy();
    else response.write(frame);
  };
  const bookmark = (annotations?: JsonObject): void => {
    const metadata = {
      resourceVersion: String(registry.reader.revision),
      creationTimestamp: null,
      annotations,
    };
    const object = { kind: served.kind.kind, apiVersion: servedVersionOf(served), metadata };
    write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  };
  const begin = (): void => {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    response.flushHeaders();
  };
  const selection = {
    namespace: target.namespace,
    labelSelector: query.get('labelSelector') ?? undefined,
    fieldSelector: query.get('fieldSelector') ?? undefined,
    resourceVersion: withInitial ? undefined : (query.get('resourceVersion') ?? undefined),
  };
  // Headers go out with the first event; what arrives during the call is in order because nothing else runs.
  const early: Buffer[] = [];
  let isOpen = false;
  try {
    stop = registry.reader.watch(served.kind, selection, (type, entry) => {
      const frame = frameOf(type, entry);
      if (isOpen) write(frame);
      else early.push(frame);
    });
  } catch (error) {
    const status = statusOf(toAppError(error));
    if (status.code !== 410) throw error;
    begin();
    response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    return Promise.resolve();
  }
  begin();
  isOpen = true;
  for (const frame of early) write(frame);
  const wantsBookmarks = flag(query, 'allowWatchBookmarks') || withInitial;
  if (withInitial) bookmark({ 'k8s.io/initial-events-end': 'true' });
  return ended(response, signal, {
    timeoutMs: timeoutSeconds * 1_000,
    stop,
    bookmark: wantsBookmarks ? () => bookmark() : undefined,
  });
}

/** Bytes of an event in the client's form; those of the plain form are made once for all watchers. */
function framer(target: {
  served: Served;
  form: Form;
  include: IncludeObject;
}): (type: 'ADDED' | 'MODIFIED' | 'DELETED', entry: Entry) => Buffer {
  const { served, form, include } = target;
  if (form === 'object' && !served.view) return (type, entry) => entry.frame(type);
  if (form === 'object') {
    return (type, entry) => Buffer.from(`{"type":"${type}","object":${wireText(served, entry)}}\n`);
  }
  let isFirst = true;
  return (type, entry) => {
    const metadata = { resourceVersion: String(entry.revision) };
    const object =
      form === 'table'
        ? tableOf(served, [entry], { metadata, include, withColumns: isFirst })
        : metadataOnly(entry);
    isFirst = false;
    return Buffer.from(`${JSON.stringify({ type, object })}\n`);
  };
}

function ended(
  response: ServerResponse,
  signal: AbortSignal,
  { timeoutMs, stop, bookmark }: { timeoutMs: number; stop: () => void; bookmark: (() => void) | undefined },
): Promise<void> {
  return new Promise((resolve) => {
    const interval = bookmark ? setInterval(bookmark, bookmarkEveryMs) : undefined;
    const finish = (): void => {
      clearTimeout(timer);
      clearInterval(interval);
      stop();
      if (!response.destroyed && !response.writableEnded) {
        bookmark?.();
        response.end();
      }
      resolve();
    };
    const timer = setTimeout(finish, Math.min(timeoutMs, 2 ** 31 - 1));
    response.once('close', finish);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted || response.destroyed) finish();
  });
}
