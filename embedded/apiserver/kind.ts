import type { FieldError } from './field-error.ts';
import type { ApiObject, JsonObject } from './object.ts';

/** A printed column of a kind (meta/v1 TableColumnDefinition). */
export interface Column {
  readonly name: string;
  readonly type?: 'string' | 'integer' | 'date' | 'boolean';
  /** 0 is always shown, 1 only by `-o wide`. */
  readonly priority?: 0 | 1;
  readonly value: (object: ApiObject) => string | number | boolean;
}

/** Another group and version under which a kind is served; converted at the edge, stored once. */
export interface View {
  readonly group: string;
  readonly version: string;
  readonly toView: (object: ApiObject) => ApiObject;
  readonly fromView: (object: ApiObject) => ApiObject;
}

export type Subresource =
  | 'status'
  | 'scale'
  | 'finalize'
  | 'log'
  | 'exec'
  | 'attach'
  | 'portforward'
  | 'eviction'
  | 'binding'
  | 'token'
  | 'ephemeralcontainers'
  | 'resize';

/** A key claimed in the same transaction that writes its owner, e.g. a cluster IP; no two objects hold it. */
export interface Claim {
  readonly key: string;
  /** 422's words when another object holds it. */
  readonly taken: FieldError;
}

/** What defaulting and allocation may ask of the server. */
export interface AdmissionContext {
  readonly serviceCidr: string;
  isClaimed(key: string): boolean;
  /** Stored objects of a kind, of one namespace when given; not to be changed. */
  list(plural: string, namespace?: string): readonly ApiObject[];
}

/** One declaration per kind; everything else is generic over the table. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly subresources: readonly Subresource[];
  /** Rule of its names; a DNS subdomain unless it says otherwise. */
  readonly nameRule: 'subdomain' | 'label' | 'label1035' | 'path';
  /** metadata.generation counts changes of everything but metadata and status. */
  readonly generation: boolean;
  /** Status that a new object begins with in place of what the client sent; the client's when absent. */
  readonly initialStatus?: (object: ApiObject) => JsonObject | undefined;
  /** Fills in what the client left out; runs before validation on create and update. */
  readonly setDefaults?: (object: ApiObject) => void;
  /** Server-side decisions on create and update: allocation, immutable copies. */
  readonly admit?: (object: ApiObject, old: ApiObject | undefined, context: AdmissionContext) => void;
  readonly validate?: (object: ApiObject, old: ApiObject | undefined) => FieldError[];
  /** Keys that the object holds for itself alone. */
  readonly claims?: (object: ApiObject) => Claim[];
  /** Fields, besides metadata.name and metadata.namespace, that a field selector may name. */
  readonly fields: Readonly<Record<string, (object: ApiObject) => string>>;
  readonly columns: readonly Column[];
  readonly views: readonly View[];
}

type Declared = Pick<Kind, 'group' | 'version' | 'kind' | 'plural'> & Partial<Kind>;

/** A kind with the usual answers for what its declaration leaves out. */
export function defineKind(declared: Declared): Kind {
  return {
    singular: declared.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    subresources: [],
    nameRule: 'subdomain',
    generation: false,
    fields: {},
    columns: [],
    views: [],
    ...declared,
  };
}

export function apiVersionOf(kind: { group: string; version: string }): string {
  return kind.group ? `${kind.group}/${kind.version}` : kind.version;
}
