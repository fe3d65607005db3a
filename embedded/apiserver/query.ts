import { badRequest } from './errors.ts';
import type { Entry } from './entry.ts';
import type { Kind } from './kind.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';

export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Whether an object is wanted. */
export type Matcher = (entry: Entry) => boolean;

/** The selection as a test of objects of the kind; 400 for a field that cannot be selected by. */
export function matcherOf(kind: Kind, selection: Selection): Matcher {
  const tests: Matcher[] = [];
  const { namespace, labelSelector, fieldSelector } = selection;
  if (namespace) tests.push((entry) => entry.object.metadata.namespace === namespace);
  if (labelSelector) {
    const matches = parseLabelSelector(labelSelector);
    tests.push((entry) => matches(entry.object.metadata.labels ?? {}));
  }
  for (const { field, value, equal } of fieldSelector ? parseFieldSelector(fieldSelector) : []) {
    const read = fieldReader(kind, field);
    tests.push((entry) => (read(entry) === value) === equal);
  }
  return (entry) => tests.every((test) => test(entry));
}

function fieldReader(kind: Kind, field: string): (entry: Entry) => string {
  if (field === 'metadata.name') return (entry) => entry.object.metadata.name;
  if (field === 'metadata.namespace') return (entry) => entry.object.metadata.namespace ?? '';
  const read = Object.hasOwn(kind.fields, field) ? kind.fields[field] : undefined;
  if (!read) throw badRequest(`field label not supported: ${field}`);
  return (entry) => read(entry.object);
}

/** A resourceVersion of a request; undefined for '' and '0' (any); 400 when it is no number. */
export function parseRevision(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`Invalid value: ${JSON.stringify(text)}: invalid resource version`);
  return Number(text);
}
