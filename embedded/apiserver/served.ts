import { apiVersionOf, type Kind, type View } from './kind.ts';
import type { Entry } from './entry.ts';
import type { ApiObject } from './object.ts';

/** A kind as it is served under one group and version. */
export interface Served {
  readonly kind: Kind;
  readonly group: string;
  readonly version: string;
  readonly view: View | undefined;
}

/** Every group and version under which the kinds are served. */
export function servedOf(kinds: readonly Kind[]): Served[] {
  return kinds.flatMap((kind) => [
    { kind, group: kind.group, version: kind.version, view: undefined },
    ...kind.views.map((view) => ({ kind, group: view.group, version: view.version, view })),
  ]);
}

export function servedVersionOf(served: Served): string {
  return apiVersionOf(served);
}

export function wireText(served: Served, entry: Entry): string {
  return served.view ? JSON.stringify(served.view.toView(entry.copy())) : entry.text;
}

export function wireObject(served: Served, entry: Entry): ApiObject {
  return served.view ? served.view.toView(entry.copy()) : entry.object;
}

/** A client's body in the stored version; unchanged when that is what is served. */
export function fromWire(served: Served, body: unknown): unknown {
  const isView = served.view && (body as ApiObject | null)?.apiVersion === servedVersionOf(served);
  return isView ? served.view?.fromView(body as ApiObject) : body;
}
