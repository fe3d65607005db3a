import type { Entry } from '../entry.ts';
import type { Column } from '../kind.ts';
import { ageColumn, nameColumn } from '../kinds/columns.ts';
import type { JsonObject } from '../object.ts';
import { wireObject, type Served } from '../served.ts';

/** What rows carry of their objects (TableOptions.includeObject). */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** Objects as a printed table (meta/v1 Table); watches leave the column definitions out after the first. */
export function tableOf(
  served: Served,
  entries: readonly Entry[],
  options: { metadata: JsonObject; include: IncludeObject; withColumns?: boolean },
): JsonObject {
  const columns = served.kind.columns.length > 0 ? served.kind.columns : [nameColumn, ageColumn];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.withColumns === false ? null : columns.map(definitionOf),
    rows: entries.map((entry) => ({
      cells: columns.map((column) => column.value(entry.object)),
      object: rowObject(served, entry, options.include),
    })),
  };
}

function definitionOf(column: Column): JsonObject {
  return {
    name: column.name,
    type: column.type ?? 'string',
    format: column.name === 'Name' ? 'name' : '',
    description: '',
    priority: column.priority ?? 0,
  };
}

function rowObject(served: Served, entry: Entry, include: IncludeObject): unknown {
  if (include === 'None') return null;
  return include === 'Object' ? wireObject(served, entry) : metadataOnly(entry);
}

/** An object's metadata alone (meta/v1 PartialObjectMetadata). */
export function metadataOnly(entry: Entry): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: entry.object.metadata };
}
