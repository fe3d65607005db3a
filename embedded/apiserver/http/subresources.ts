import { once } from 'node:events';
import { AppError } from '@skyarc/lib/errors';
import type { TokenIssuer } from '../auth/index.ts';
import { badRequest, conflict } from '../errors.ts';
import { selectorText } from '../kinds/columns.ts';
import { at, isObject, listAt, nowText, textAt, type ApiObject, type JsonObject } from '../object.ts';
import type { NodeProxy } from '../node-proxy.ts';
import { patchOf } from '../patch/index.ts';
import type { Registry } from '../registry.ts';
import { typeOfKind } from '../schema/index.ts';
import { mediaTypeOf, readJson, readOptions } from './body.ts';
import { containerTarget } from './container-target.ts';
import { evict } from './eviction.ts';
import { dryRunOf, flag, sendJson, wholeNumber } from './exchange.ts';
import { handleObject, objectOf, success, writerOf, type ResourceRequest } from './resource-handler.ts';
import { notAllowed, notServed } from './target.ts';

export interface SubresourceContext {
  readonly registry: Registry;
  readonly tokens: TokenIssuer;
  readonly nodeProxy: NodeProxy | undefined;
}

type Handler = (context: SubresourceContext, resource: ResourceRequest) => Promise<void>;

const handlers: Readonly<Record<string, Handler>> = {
  status: ({ registry }, resource) => handleObject(registry, resource, 'status'),
  finalize: ({ registry }, resource) => handleObject(registry, resource, 'finalize'),
  scale: handleScale,
  eviction: ({ registry }, resource) => evict(registry, resource),
  ephemeralcontainers: ({ registry }, resource) => handleObject(registry, resource, 'ephemeralcontainers'),
  resize: ({ registry }, resource) => handleObject(registry, resource, 'resize'),
  binding: bind,
  token: requestToken,
  log: sendLog,
};

export function handleSubresource(context: SubresourceContext, resource: ResourceRequest): Promise<void> {
  const name = resource.target.subresource ?? '';
  const isOffered = (resource.served.kind.subresources as readonly string[]).includes(name);
  if (!isOffered) throw notServed();
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  if (!handler) throw badRequest('Upgrade request required');
  return handler(context, resource);
}

/** The object's replica count as an autoscaling/v1 Scale. */
async function handleScale({ registry }: SubresourceContext, resource: ResourceRequest): Promise<void> {
  const { exchange, target, served } = resource;
  const { request, response, query } = exchange;
  const current = scaleOf(objectOf(registry, resource));
  if (request.method === 'GET') return sendJson(response, 200, current);
  const mediaType = mediaTypeOf(request);
  const patch = request.method === 'PATCH' ? patchOf(mediaType) : undefined;
  if (!patch && request.method !== 'PUT') throw notAllowed();
  const body = await readJson(request, patch ? [mediaType] : undefined);
  const change = (object: ApiObject): ApiObject => {
    const asked = patch ? patch(scaleOf(object), body, typeOfKind('autoscaling/v1', 'Scale')) : body;
    const replicas = at(asked, 'spec', 'replicas') ?? 0;
    if (typeof replicas !== 'number' || !Number.isInteger(replicas))
      throw badRequest('spec.replicas must be a whole number');
    const resourceVersion = at(asked, 'metadata', 'resourceVersion') as string | undefined;
    const metadata = patch ? object.metadata : { ...object.metadata, resourceVersion };
    return { ...object, metadata, spec: { ...object.spec, replicas } };
  };
  const place = { namespace: target.namespace, name: target.name ?? '' };
  const written = await registry.update(served.kind, place, change, {
    dryRun: dryRunOf(query.getAll('dryRun')),
    writer: writerOf(exchange, target),
  });
  sendJson(response, 200, scaleOf(written.object));
}

function scaleOf({ metadata, spec, status }: ApiObject): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const selector = selectorText(spec?.['selector']);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec?.['replicas'] ?? 0 },
    status: { replicas: status?.['replicas'] ?? 0, selector: selector === '<none>' ? undefined : selector },
  };
}

/** Gives a pod its node, once. */
async function bind(
  { registry }: SubresourceContext,
  { exchange, target, served }: ResourceRequest,
): Promise<void> {
  if (exchange.request.method !== 'POST') throw notAllowed();
  const body = await readOptions(exchange.request);
  const nodeName = textAt(body, 'target', 'name');
  const name = target.name ?? '';
  if (!nodeName) throw badRequest('target.name is required');
  const change = (pod: ApiObject): ApiObject => {
    const assigned = textAt(pod, 'spec', 'nodeName');
    if (assigned) throw conflict(served.kind, name, `pod ${name} is already assigned to node "${assigned}"`);
    const others = listAt(pod, 'status', 'conditions').filter((each) => each['type'] !== 'PodScheduled');
    const scheduled = {
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: nowText(),
    };
    return {
      ...pod,
      spec: { ...pod.spec, nodeName },
      status: { ...pod.status, conditions: [...others, scheduled] },
    };
  };
  await registry.update(served.kind, { namespace: target.namespace, name }, change, { scope: 'binding' });
  sendJson(exchange.response, 201, success);
}

/** A token of a service account (authentication.k8s.io/v1 TokenRequest). */
async function requestToken(
  { registry, tokens }: SubresourceContext,
  resource: ResourceRequest,
): Promise<void> {
  const { exchange } = resource;
  if (exchange.request.method !== 'POST') throw notAllowed();
  const body = await readOptions(exchange.request);
  const { metadata } = objectOf(registry, resource);
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const audiences = Array.isArray(spec['audiences']) ? spec['audiences'].map(String) : [];
  const bound = spec['boundObjectRef'];
  const { token, expiresAt } = tokens.issue({
    namespace: metadata.namespace ?? '',
    serviceAccount: { name: metadata.name, uid: metadata.uid },
    pod:
      textAt(bound, 'kind') === 'Pod'
        ? { name: textAt(bound, 'name'), uid: textAt(bound, 'uid') }
        : undefined,
    audiences,
    expirationSeconds: typeof spec['expirationSeconds'] === 'number' ? spec['expirationSeconds'] : undefined,
  });
  sendJson(exchange.response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: metadata.name, namespace: metadata.namespace, creationTimestamp: nowText() },
    spec: { ...spec, audiences: audiences.length > 0 ? audiences : [tokens.issuer] },
    status: { token, expirationTimestamp: expiresAt.toISOString().replace(/\.\d+Z$/, 'Z') },
  });
}

/** The log of a container, as far as its node has it; each chunk goes out as it comes. */
async function sendLog(
  { registry, nodeProxy }: SubresourceContext,
  resource: ResourceRequest,
): Promise<void> {
  const { exchange } = resource;
  const { request, response, query, signal } = exchange;
  if (request.method !== 'GET') throw notAllowed();
  const pod = objectOf(registry, resource);
  const target = containerTarget(pod, query.get('container') ?? undefined);
  if (!nodeProxy) throw new AppError('UNAVAILABLE', 'No node answers for the logs of pods');
  const log = await nodeProxy.openLog(target, logOptions(query), signal);
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  try {
    for await (const chunk of log) {
      if (signal.aborted) break;
      if (!response.write(chunk))
        await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
    }
    response.end();
  } catch {
    // The status is sent already: a cut connection is the only way left to say that it is not whole.
    response.destroy();
  }
}

function logOptions(query: URLSearchParams): Parameters<NodeProxy['openLog']>[1] {
  const sinceTime = query.get('sinceTime') || undefined;
  const numbers = Object.fromEntries(
    ['tailLines', 'limitBytes', 'sinceSeconds'].map((name) => {
      const value = wholeNumber(query, name);
      const least = name === 'tailLines' ? 0 : 1;
      if (value !== undefined && value < least)
        throw badRequest(`${name} must be greater than or equal to ${least}`);
      return [name, value];
    }),
  );
  if (sinceTime && Number.isNaN(Date.parse(sinceTime)))
    throw badRequest('sinceTime must be an RFC 3339 time');
  if (sinceTime && numbers['sinceSeconds'] !== undefined) {
    throw badRequest('at most one of sinceTime or sinceSeconds may be specified');
  }
  return {
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    sinceTime,
    ...numbers,
  };
}
