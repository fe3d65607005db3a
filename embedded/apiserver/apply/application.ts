import { apiError } from '../errors.ts';
import { isObject, type ApiObject, type JsonObject } from '../object.ts';
import { typeOfKind } from '../schema/index.ts';
import { FieldSet } from './field-set.ts';
import {
  isSame,
  managedFieldsOf,
  managersOf,
  withFields,
  type Manager,
  type ManagerName,
} from './managers.ts';
import { withoutServers } from './track.ts';
import { compare, fieldSetOf, merge, prune, rootType } from './typed.ts';

export interface ApplyOptions {
  readonly manager: string;
  /** Takes fields that others own, where their values differ. */
  readonly force: boolean;
  readonly subresource?: string | undefined;
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
/** Owner of what stood in an object before anybody applied it from the server's side. */
const beforeFirstApply = 'before-first-apply';

/** One server-side apply: a configuration of a manager, to be laid over whatever object is there. */
export class Application {
  private readonly config: ApiObject;
  private readonly options: ApplyOptions;
  private readonly type: ReturnType<typeof rootType>;
  private readonly name: ManagerName;
  private readonly fields: FieldSet;

  /** Throws INVALID for a configuration that cannot be merged. */
  constructor(config: ApiObject, options: ApplyOptions) {
    this.config = withoutNulls(config) as ApiObject;
    this.options = options;
    this.type = rootType(typeOfKind(config.apiVersion, config.kind) ?? '');
    const { manager, subresource } = options;
    this.name = { manager, subresource, operation: 'Apply', apiVersion: config.apiVersion };
    this.fields = withoutServers(fieldSetOf(this.config, this.type));
  }

  /** The object to create where there is none. */
  created(): { readonly object: ApiObject; readonly managedFields: JsonObject[] | undefined } {
    return { object: this.config, managedFields: managedFieldsOf(withFields([], this.name, this.fields)) };
  }

  /** The object with the configuration laid over it. Throws CONFLICT where that changes what others own. */
  applied(live: ApiObject): { readonly object: ApiObject; readonly managedFields: JsonObject[] | undefined } {
    const managers = managersOf(live) ?? this.firstManagers(live);
    const others = managers.filter((each) => !isSame(each, this.name));
    const last = managers.find((each) => isSame(each, this.name))?.fields ?? new FieldSet();
    const merged = merge(live, this.config, this.type);
    const owned = others.reduce((all, { fields }) => all.union(fields), this.fields.union(undefined));
    // Whoever applied no label any more does not take the object's name with them.
    owned.child('f:metadata');
    const object = prune(merged, last, { owned, type: this.type }) as ApiObject;
    this.syncLastApplied(live, object);
    const { written, removed } = compare(live, object, this.type);
    if (!this.options.force) this.refuseConflicts(others, written);
    const left = others.map((each): Manager => ({
      ...each,
      fields: each.fields.without(written).without(removed),
    }));
    const own = managers.filter((each) => isSame(each, this.name));
    return { object, managedFields: managedFieldsOf(withFields([...own, ...left], this.name, this.fields)) };
  }

  /** Whose the fields of an object are that has no managers: what kubectl applied from its side is kubectl's. */
  private firstManagers(live: ApiObject): Manager[] {
    const time = live.metadata.creationTimestamp;
    const { apiVersion } = live;
    const all = withoutServers(fieldSetOf(live, this.type));
    if (this.options.subresource === undefined) all.children.delete('f:status');
    const applied = this.lastAppliedFields(live);
    return [
      { ...this.name, time, fields: applied },
      { manager: beforeFirstApply, operation: 'Update', apiVersion, time, fields: all.without(applied) },
    ];
  }

  private lastAppliedFields(live: ApiObject): FieldSet {
    const text = live.metadata.annotations?.[lastApplied];
    if (this.options.manager !== 'kubectl' || !text) return new FieldSet();
    try {
      const fields = withoutServers(fieldSetOf(withoutNulls(JSON.parse(text)), this.type));
      fields.child('f:metadata').child('f:annotations').child(`f:${lastApplied}`).isMember = true;
      return fields;
    } catch {
      return new FieldSet();
    }
  }

  /** Lets `kubectl apply` without `--server-side` go on from here: its annotation says what was applied last. */
  private syncLastApplied(live: ApiObject, object: ApiObject): void {
    if (this.options.manager !== 'kubectl' || !live.metadata.annotations?.[lastApplied]) return;
    const annotations = { ...object.metadata.annotations, [lastApplied]: `${JSON.stringify(this.config)}\n` };
    object.metadata = { ...object.metadata, annotations };
    this.fields.child('f:metadata').child('f:annotations').child(`f:${lastApplied}`).isMember = true;
  }

  private refuseConflicts(others: readonly Manager[], written: FieldSet): void {
    const conflicts = others.flatMap((each) =>
      each.fields
        .intersection(written)
        .paths()
        .map((field) => ({ field, message: `conflict with ${describe(each)}` })),
    );
    if (conflicts.length === 0) return;
    const list = conflicts.map(({ field, message }) => `${message}: ${field}`).join(', ');
    const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
    throw apiError(409, 'Conflict', `Apply failed with ${count}: ${list}`, {
      causes: conflicts.map((each) => ({ reason: 'FieldManagerConflict', ...each })),
    });
  }
}

function describe({ manager, subresource, operation, apiVersion }: Manager): string {
  const through = subresource ? ` with subresource "${subresource}"` : '';
  return `${JSON.stringify(manager)}${through}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => (each === null ? [] : [[name, withoutNulls(each)]])),
  );
}
