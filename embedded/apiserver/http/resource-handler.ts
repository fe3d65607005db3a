import { Application, type Writer } from '../apply/index.ts';
import { badRequest, invalid } from '../errors.ts';
import { forbiddenField, invalidValue, required } from '../field-error.ts';
import type { Entry } from '../entry.ts';
import { isObject, type ApiObject, type JsonObject } from '../object.ts';
import { applyType, patchOf } from '../patch/index.ts';
import type { WriteScope } from '../preparation.ts';
import type { Change, DeleteQuery, Registry } from '../registry.ts';
import type { ListQuery } from '../reader.ts';
import { fromWire, servedVersionOf, wireObject, wireText, type Served } from '../served.ts';
import { checkSchema } from '../schema/check.ts';
import { typeOfKind } from '../schema/index.ts';
import { formOf } from './accept.ts';
import { mediaTypeOf, readJson, readOptions, readYaml } from './body.ts';
import { dryRunOf, flag, sendJson, sendText, wholeNumber, type Exchange } from './exchange.ts';
import { metadataOnly, tableOf, type IncludeObject } from './table.ts';
import { notAllowed, type Target } from './target.ts';
import { sendWatch } from './watch-response.ts';

export interface ResourceRequest {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly served: Served;
}

/** What a subresource answers that did what was asked. */
export const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/** The verbs on a collection: list, watch, create, deletecollection. */
export async function handleCollection(
  registry: Registry,
  { exchange, target, served }: ResourceRequest,
): Promise<void> {
  const { request, query } = exchange;
  const { kind } = served;
  switch (request.method) {
    case 'GET':
      if (flag(query, 'watch')) {
        return sendWatch(exchange, registry, {
          served,
          namespace: target.namespace,
          form: formOf(request),
          include: includeOf(query),
        });
      }
      return sendList(registry, { exchange, target, served });
    case 'POST': {
      if (kind.namespaced && !target.namespace) throw notAllowed();
      const body = fromWire(served, checked(exchange, served, await readJson(request)));
      const created = await registry.create(kind, target.namespace, body, {
        dryRun: dryRunOf(query.getAll('dryRun')),
      });
      return sendEntry({ exchange, target, served }, 201, created);
    }
    case 'DELETE': {
      const options = await deleteOptions(exchange);
      const deleted = await registry.deleteCollection(kind, selectionOf(exchange, target), options);
      return sendListText(exchange, served, {
        entries: deleted,
        metadata: { resourceVersion: String(registry.reader.revision) },
      });
    }
    default:
      throw notAllowed();
  }
}

/** The verbs on one object and on its status: get, update, patch, delete. */
export async function handleObject(
  registry: Registry,
  resource: ResourceRequest,
  scope: WriteScope = 'object',
): Promise<void> {
  const { exchange, target, served } = resource;
  const { request, query } = exchange;
  const { kind } = served;
  const place = { namespace: target.namespace, name: target.name ?? '' };
  const options = { dryRun: dryRunOf(query.getAll('dryRun')), scope, writer: writerOf(exchange, target) };
  switch (request.method) {
    case 'GET':
      return sendEntry(resource, 200, registry.reader.get(kind, place.namespace, place.name));
    case 'PUT': {
      const body = fromWire(served, checked(exchange, served, await readJson(request)));
      return sendEntry(resource, 200, await registry.update(kind, place, () => body, options));
    }
    case 'PATCH':
      if (mediaTypeOf(request) === applyType) {
        const application = await applicationOf(resource, scope);
        const { entry, isNew } = await registry.apply(kind, place, application, options);
        return sendEntry(resource, isNew ? 201 : 200, entry);
      }
      return sendEntry(
        resource,
        200,
        await registry.update(kind, place, await patchChange(exchange, served), options),
      );
    case 'DELETE': {
      if (scope !== 'object') throw notAllowed();
      const { entry, isGone } = await registry.delete(kind, place, await deleteOptions(exchange));
      if (!isGone || kind.plural === 'pods') return sendEntry(resource, 200, entry);
      const { name, uid } = entry.object.metadata;
      const details = { name, group: kind.group || undefined, kind: kind.plural, uid };
      return sendJson(exchange.response, 200, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details,
      });
    }
    default:
      throw notAllowed();
  }
}

/** Who writes: by the query, else what the client calls itself. */
export function writerOf({ request, query }: Exchange, { subresource }: Target): Writer {
  const manager = query.get('fieldManager') || (request.headers['user-agent'] ?? '').split('/', 1)[0];
  return { manager: manager?.slice(0, maxManagerChars) || 'unknown', subresource };
}

const maxManagerChars = 128;

/** The configuration that a server-side apply sends; what its scope does not cover is left out. */
async function applicationOf(
  { exchange, target, served }: ResourceRequest,
  scope: WriteScope,
): Promise<Application> {
  const { request, query } = exchange;
  const manager = query.get('fieldManager') ?? '';
  const options = { group: 'meta.k8s.io', kind: 'PatchOptions' };
  if (!manager) throw invalid(options, '', [required('fieldManager', 'is required for apply patch')]);
  if (manager.length > maxManagerChars) {
    const words = `may have at most ${maxManagerChars} characters`;
    throw invalid(options, '', [invalidValue('fieldManager', manager, words)]);
  }
  const body = fromWire(served, checked(exchange, served, await readYaml(request, applyType))) as ApiObject;
  const { managedFields, ...metadata } = isObject(body.metadata) ? body.metadata : { name: '' };
  if (managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  if ((metadata.name ?? '') !== target.name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`,
    );
  }
  const { status, ...rest } = { ...body, metadata };
  const hasStatus = scope === 'status' || !served.kind.subresources.includes('status');
  const whole = hasStatus && status ? { ...rest, status } : rest;
  const { apiVersion, kind } = body;
  const config = scope === 'status' ? { apiVersion, kind, metadata: { name: metadata.name }, status } : whole;
  return new Application(config as ApiObject, {
    manager,
    force: flag(query, 'force'),
    subresource: target.subresource,
  });
}

/** The change that a PATCH request asks for, of the served version of the object. */
async function patchChange(exchange: Exchange, served: Served): Promise<Change> {
  const mediaType = mediaTypeOf(exchange.request);
  if (exchange.query.has('force')) {
    const words = 'may not be specified for non-apply patch';
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [forbiddenField('force', words)]);
  }
  const patch = patchOf(mediaType);
  const body = await readJson(exchange.request, [mediaType]);
  return (current) => {
    const target = served.view ? served.view.toView(current) : current;
    return fromWire(
      served,
      checked(exchange, served, patch(target, body, typeOfKind(servedVersionOf(served), served.kind.kind))),
    );
  };
}

/**
 * The body when its values are of the right types: 400 otherwise. Unknown fields are an error with
 * `fieldValidation=Strict`, dropped with a warning header with `Warn`, the default, and silently with `Ignore`.
 */
function checked(exchange: Exchange, served: Served, body: unknown): unknown {
  if (!isObject(body)) throw badRequest(`the body of the request is not a ${served.kind.kind}`);
  const version = servedVersionOf(served);
  const object: JsonObject = {
    ...body,
    apiVersion: body['apiVersion'] ?? version,
    kind: body['kind'] ?? served.kind.kind,
  };
  const { wrong, unknown } = checkSchema(object);
  if (wrong.length > 0) {
    throw badRequest(
      `${served.kind.kind} in version "${served.version}" cannot be handled as a ${served.kind.kind}: ${wrong.join(', ')}`,
    );
  }
  const mode = exchange.query.get('fieldValidation') || 'Warn';
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (texts.length > 0 && mode === 'Strict') throw badRequest(`strict decoding error: ${texts.join(', ')}`);
  if (texts.length > 0 && mode === 'Warn') {
    exchange.response.setHeader(
      'warning',
      texts.slice(0, 20).map((text) => `299 - ${JSON.stringify(text)}`),
    );
  }
  return object;
}

async function sendList(registry: Registry, { exchange, target, served }: ResourceRequest): Promise<void> {
  const page = await registry.reader.list(served.kind, selectionOf(exchange, target));
  const metadata = {
    resourceVersion: String(page.revision),
    continue: page.continue,
    remainingItemCount: page.remaining,
  };
  sendListText(exchange, served, { entries: page.entries, metadata });
}

function sendListText(
  exchange: Exchange,
  served: Served,
  { entries, metadata }: { entries: readonly Entry[]; metadata: JsonObject },
): void {
  const form = formOf(exchange.request);
  if (form === 'table') {
    return sendJson(
      exchange.response,
      200,
      tableOf(served, entries, { metadata, include: includeOf(exchange.query) }),
    );
  }
  const isMetadata = form === 'metadata';
  const head = JSON.stringify({
    kind: isMetadata ? 'PartialObjectMetadataList' : `${served.kind.kind}List`,
    apiVersion: isMetadata ? 'meta.k8s.io/v1' : servedVersionOf(served),
    metadata,
  });
  const items = entries.map((entry) =>
    isMetadata ? JSON.stringify(metadataOnly(entry)) : wireText(served, entry),
  );
  sendText(exchange.response, 200, `${head.slice(0, -1)},"items":[${items.join(',')}]}`);
}

/** An object in the form that the client asked for. */
export function sendEntry({ exchange, served }: ResourceRequest, status: number, entry: Entry): void {
  const form = formOf(exchange.request);
  if (form === 'table') {
    const metadata = { resourceVersion: String(entry.revision) };
    return sendJson(
      exchange.response,
      status,
      tableOf(served, [entry], { metadata, include: includeOf(exchange.query) }),
    );
  }
  if (form === 'metadata') return sendJson(exchange.response, status, metadataOnly(entry));
  sendText(exchange.response, status, wireText(served, entry));
}

/** Query and, for a single object, its name as a field selector, so that a watch of one object is a watch of its list. */
function selectionOf({ query }: Exchange, target: Target): ListQuery {
  const limit = wholeNumber(query, 'limit');
  if (limit !== undefined && limit < 0) throw badRequest('limit must not be negative');
  return {
    namespace: target.namespace,
    labelSelector: query.get('labelSelector') || undefined,
    fieldSelector: query.get('fieldSelector') || undefined,
    limit,
    continue: query.get('continue') || undefined,
    resourceVersion: query.get('resourceVersion') ?? undefined,
    resourceVersionMatch: query.get('resourceVersionMatch') ?? undefined,
  };
}

function includeOf(query: URLSearchParams): IncludeObject {
  const include = query.get('includeObject') || 'Metadata';
  if (include === 'None' || include === 'Metadata' || include === 'Object') return include;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
}

const policies = ['Background', 'Foreground', 'Orphan'];

/** DeleteOptions of the body, and those that may also come in the query. */
async function deleteOptions({ request, query }: Exchange): Promise<DeleteQuery> {
  return parseDeleteOptions(await readOptions(request), query);
}

export function parseDeleteOptions(body: JsonObject, query: URLSearchParams): DeleteQuery {
  const orphan =
    body['orphanDependents'] ?? (query.has('orphanDependents') ? flag(query, 'orphanDependents') : undefined);
  const policy = body['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  if (policy !== undefined && !policies.includes(policy as string)) {
    throw badRequest(
      `invalid propagationPolicy ${JSON.stringify(policy)}: must be one of ${policies.join(', ')}`,
    );
  }
  const grace = body['gracePeriodSeconds'] ?? wholeNumber(query, 'gracePeriodSeconds');
  if (grace !== undefined && (typeof grace !== 'number' || !Number.isInteger(grace))) {
    throw badRequest('gracePeriodSeconds must be a whole number');
  }
  const preconditions = isObject(body['preconditions']) ? body['preconditions'] : {};
  const dryRun = Array.isArray(body['dryRun']) ? body['dryRun'] : query.getAll('dryRun');
  return {
    dryRun: dryRunOf(dryRun),
    gracePeriodSeconds: grace,
    propagationPolicy:
      orphan === undefined ? (policy as string | undefined) : orphan ? 'Orphan' : 'Background',
    preconditions,
  };
}

/** The object as the client knows it, to build a subresource's answer from. */
export function objectOf(registry: Registry, { target, served }: ResourceRequest): ApiObject {
  return wireObject(served, registry.reader.get(served.kind, target.namespace, target.name ?? ''));
}
