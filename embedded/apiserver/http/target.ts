import { apiError } from '../errors.ts';
import type { Served } from '../served.ts';

/** What a resource path means. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/**
 * `/api/v1/...` and `/apis/<group>/<version>/...` below the version, `[namespaces/<ns>/]<resource>[/<name>[/<sub>]]`;
 * undefined for any other path. `namespaces/<name>/status` and `/finalize` are subresources of the namespace.
 */
export function targetOf(path: string): Target | undefined {
  const parts = path.split('/').slice(1);
  const root = parts.shift();
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  const version = parts.shift();
  if (group === undefined || !version || parts.length === 0 || parts.length > 5) return undefined;
  const [first = '', second, third] = parts.map(decoded);
  if (first !== 'namespaces' || third === undefined || third === 'status' || third === 'finalize') {
    const [resource = '', name, subresource, ...rest] = parts.map(decoded);
    return rest.length > 0
      ? undefined
      : { group, version, resource, namespace: undefined, name, subresource };
  }
  const [, , resource = '', name, subresource] = parts.map(decoded);
  return { group, version, resource, namespace: second, name, subresource };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw apiError(400, 'BadRequest', 'the path of the request is not well encoded');
  }
}

/** The served kind that a target names; 404 for what is not served, or lies in no namespace where it must. */
export function servedAt(served: readonly Served[], target: Target): Served {
  const found = served.find(
    (each) =>
      each.group === target.group && each.version === target.version && each.kind.plural === target.resource,
  );
  const isPlaced = found && (found.kind.namespaced ? !target.name || target.namespace : !target.namespace);
  if (!found || !isPlaced) throw notServed();
  return found;
}

export function notServed(): Error {
  return apiError(404, 'NotFound', 'the server could not find the requested resource');
}

export function notAllowed(): Error {
  return apiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
