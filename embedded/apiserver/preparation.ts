import { isDeepStrictEqual } from 'node:util';
import { badRequest, conflict, invalid } from './errors.ts';
import { forbiddenField } from './field-error.ts';
import { apiVersionOf, type Kind } from './kind.ts';
import { changedMetadata, newMetadata } from './metadata.ts';
import { isResized, resizedSpec } from './kinds/pod-resize.ts';
import { isObject, type ApiObject, type JsonObject } from './object.ts';

/** What part of an object a write may change; a binding changes spec and status at once. */
export type WriteScope = 'object' | 'status' | 'finalize' | 'binding' | 'ephemeralcontainers' | 'resize';

/** The new object that a client's body asks for, before defaults; 400 when the body contradicts the request. */
export function objectToCreate(kind: Kind, body: unknown, namespace: string | undefined): ApiObject {
  const sent = checkedBody(kind, body);
  const sentMetadata = isObject(sent['metadata']) ? sent['metadata'] : {};
  if (sentMetadata['resourceVersion'])
    throw badRequest('resourceVersion should not be set on objects to be created');
  const place = placeOf(kind, sentMetadata, namespace);
  const { apiVersion: _v, kind: _k, metadata: _m, status, ...rest } = sent;
  const object: ApiObject = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: newMetadata(kind, sentMetadata, place),
    ...rest,
  };
  const given = isObject(status) ? status : undefined;
  const initial = kind.initialStatus ? kind.initialStatus({ ...object, status: given }) : given;
  if (initial) object.status = initial;
  return object;
}

/**
 * The object after a client's write within the scope. 400 when the body is of another object, 409 when it
 * carries another uid or an older resourceVersion.
 */
export function objectToUpdate(kind: Kind, old: ApiObject, body: unknown, scope: WriteScope): ApiObject {
  const sent = checkedBody(kind, body);
  const metadata = isObject(sent['metadata']) ? sent['metadata'] : {};
  const { name, namespace } = old.metadata;
  if ((metadata['name'] ?? name) !== name) {
    throw badRequest(
      `the name of the object (${String(metadata['name'])}) does not match the name on the URL (${name})`,
    );
  }
  placeOf(kind, metadata, namespace);
  checkPreconditions(kind, old, metadata);
  if (scope === 'status') return { ...old, status: isObject(sent['status']) ? sent['status'] : undefined };
  if (scope === 'finalize') {
    const finalizers = isObject(sent['spec']) ? sent['spec']['finalizers'] : undefined;
    return { ...old, spec: { ...old.spec, finalizers } };
  }
  if (scope === 'ephemeralcontainers') {
    const ephemeralContainers = isObject(sent['spec']) ? sent['spec']['ephemeralContainers'] : undefined;
    return { ...old, spec: { ...old.spec, ephemeralContainers } };
  }
  if (scope === 'resize') return { ...old, spec: resizedSpec(old.spec ?? {}, sent['spec']) };
  const { apiVersion: _v, kind: _k, metadata: _m, status, ...rest } = sent;
  keepEphemeralContainers(kind, old, rest);
  keepResources(kind, old, rest);
  const hasStatusApart = kind.subresources.includes('status') && scope !== 'binding';
  const next: ApiObject = {
    apiVersion: old.apiVersion,
    kind: old.kind,
    metadata: changedMetadata(old.metadata, metadata),
    ...rest,
  };
  const nextStatus = hasStatusApart ? old.status : status;
  if (isObject(nextStatus)) next.status = nextStatus;
  return next;
}

/** Debug containers come by their own subresource alone: 422 when an ordinary write changes them. */
function keepEphemeralContainers(kind: Kind, old: ApiObject, next: JsonObject): void {
  if (!kind.subresources.includes('ephemeralcontainers') || !isObject(next['spec'])) return;
  const { ephemeralContainers = [] } = next['spec'];
  if (isDeepStrictEqual(ephemeralContainers, old.spec?.['ephemeralContainers'] ?? [])) return;
  throw invalid(kind, old.metadata.name, [
    forbiddenField('spec.ephemeralContainers', 'pod updates must use the ephemeralcontainers subresource'),
  ]);
}

/** Resources of a running pod change by their own subresource alone: 422 when an ordinary write changes them. */
function keepResources(kind: Kind, old: ApiObject, next: JsonObject): void {
  if (!kind.subresources.includes('resize') || !isObject(next['spec'])) return;
  if (!isResized(next['spec'], old.spec ?? {})) return;
  throw invalid(kind, old.metadata.name, [
    forbiddenField('spec', 'pod updates may not change resources: use the resize subresource'),
  ]);
}

/** 409 when a uid or resourceVersion is given and is not the stored one. */
export function checkPreconditions(kind: Kind, old: ApiObject, given: JsonObject): void {
  const { name, uid, resourceVersion } = old.metadata;
  if (given['uid'] && given['uid'] !== uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${JSON.stringify(given['uid'])}, UID in object meta: ${uid}`,
    );
  }
  if (given['resourceVersion'] && given['resourceVersion'] !== resourceVersion) throw conflict(kind, name);
}

/** Counts the generation up when anything but metadata and status changed. */
export function countGeneration(kind: Kind, old: ApiObject, next: ApiObject): void {
  if (!kind.generation) return;
  const { metadata: _m, status: _s, ...before } = old;
  const { metadata: _n, status: _t, ...after } = next;
  const isChanged =
    !isDeepStrictEqual(before, after) || (!old.metadata.deletionTimestamp && next.metadata.deletionTimestamp);
  next.metadata.generation = (old.metadata.generation ?? 1) + (isChanged ? 1 : 0);
}

function checkedBody(kind: Kind, body: unknown): JsonObject {
  if (!isObject(body)) throw badRequest(`the body of the request is not a ${kind.kind}`);
  const version = apiVersionOf(kind);
  if ((body['apiVersion'] ?? version) !== version || (body['kind'] ?? kind.kind) !== kind.kind) {
    throw badRequest(
      `${String(body['kind'])} in version ${JSON.stringify(body['apiVersion'])} cannot be handled as a ${kind.kind}: no kind "${String(body['kind'])}" is registered for version "${version}"`,
    );
  }
  return body;
}

function placeOf(kind: Kind, metadata: JsonObject, namespace: string | undefined): string | undefined {
  if (!kind.namespaced) return undefined;
  const sent = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : '';
  if (sent && namespace && sent !== namespace) {
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  }
  const place = namespace ?? sent;
  if (!place) throw badRequest(`an empty namespace may not be set during creation`);
  return place;
}
