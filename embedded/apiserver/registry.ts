import { isDeepStrictEqual } from 'node:util';
import { trackUpdate, type Application, type Writer } from './apply/index.ts';
import { Quotas } from './admission/quota.ts';
import { alreadyExists, conflict, forbidden, invalid, notFound } from './errors.ts';
import { Entry } from './entry.ts';
import { KeyedLock } from './keyed-lock.ts';
import type { AdmissionContext, Kind } from './kind.ts';
import { nameSuffix, validateMetadata } from './metadata.ts';
import { clone, nowText, type ApiObject } from './object.ts';
import {
  checkPreconditions,
  countGeneration,
  objectToCreate,
  objectToUpdate,
  type WriteScope,
} from './preparation.ts';
import type { ListQuery, Reader } from './reader.ts';
import type { Storage } from './storage.ts';

export interface WriteOptions {
  /** Everything but the writing. */
  readonly dryRun?: boolean;
  /** Who writes, for the fields' owners; the cluster itself when absent. */
  readonly writer?: Writer | undefined;
}

/** Settles the owners of fields of an object that is about to replace another one. */
type Track = (old: ApiObject, next: ApiObject) => void;

export interface DeleteQuery extends WriteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface Deletion {
  readonly entry: Entry;
  /** False when only its deletionTimestamp was set: finalizers or a grace time keep it. */
  readonly isGone: boolean;
}

/** The body of an update, made from the object as it stands: called again when that changed meanwhile. */
export type Change = (current: ApiObject) => unknown;

const createAttempts = 20;
const cluster: Writer = { manager: 'cluster' };

/** The verbs on stored objects, the same for HTTPS clients and for the local client. */
export class Registry {
  readonly reader: Reader;
  readonly kinds: readonly Kind[];
  readonly quotas: Quotas;
  private readonly storage: Storage;
  private readonly serviceCidr: string;
  private readonly locks = new KeyedLock();

  constructor(options: { reader: Reader; storage: Storage; kinds: readonly Kind[]; serviceCidr: string }) {
    this.reader = options.reader;
    this.storage = options.storage;
    this.kinds = options.kinds;
    this.quotas = new Quotas(this.reader, this.kinds, this.kindNamed('resourcequotas', ''));
    this.serviceCidr = options.serviceCidr;
  }

  kindNamed(plural: string, group?: string): Kind {
    const found = this.kinds.find((kind) => kind.plural === plural && (group ?? kind.group) === kind.group);
    if (!found) throw notFound({ group: group ?? '', plural: 'resources' }, plural);
    return found;
  }

  async create(
    kind: Kind,
    namespace: string | undefined,
    body: unknown,
    options: WriteOptions & { managedFields?: unknown } = {},
  ): Promise<Entry> {
    const asked = objectToCreate(kind, body, namespace);
    if (options.managedFields) asked.metadata.managedFields = options.managedFields;
    const isNameGenerated = Boolean(asked.metadata.generateName) && !hasName(body);
    for (let attempt = 1; ; attempt += 1) {
      const object = clone(asked);
      const fence = this.livingNamespace(kind, object);
      this.admit(kind, object, undefined);
      if (options.dryRun) {
        if (this.reader.find(kind, object.metadata.namespace, object.metadata.name)) {
          throw alreadyExists(kind, object.metadata.name);
        }
      }
      const created = await this.quotas.guard(kind, { object }, async () =>
        options.dryRun ? new Entry(object, 0) : await this.storage.create(kind, object, fence),
      );
      if (created instanceof Entry) return created;
      const isChosen =
        created.why === 'claim taken' && (kind.claims?.(asked) ?? []).some(({ key }) => key === created.key);
      if (created.why === 'claim taken' && isChosen)
        throw invalid(kind, object.metadata.name, [created.error]);
      if (created.why === 'exists' && !isNameGenerated) throw alreadyExists(kind, object.metadata.name);
      if (attempt >= createAttempts) throw conflict(kind, object.metadata.name);
      if (created.why === 'exists') {
        asked.metadata.name = (asked.metadata.generateName ?? '').slice(0, 58) + nameSuffix();
      }
    }
  }

  /** Replaces the object, or the part in scope, by what the change makes of it. */
  update(
    kind: Kind,
    place: { namespace: string | undefined; name: string },
    change: Change,
    options: WriteOptions & { scope?: WriteScope; track?: Track } = {},
  ): Promise<Entry> {
    const { namespace, name } = place;
    const track = options.track ?? ((old, next) => trackUpdate(old, next, options.writer ?? cluster));
    return this.locked(kind, namespace, name, async () => {
      for (;;) {
        const current = this.reader.get(kind, namespace, name);
        const object = clone(
          objectToUpdate(kind, current.object, change(current.copy()), options.scope ?? 'object'),
        );
        this.admit(kind, object, current.object);
        countGeneration(kind, current.object, object);
        track(current.object, object);
        if (isDeepStrictEqual(object, current.object)) return current;
        const written = await this.quotas.guard(kind, { object, old: current.object }, async () => {
          if (options.dryRun) return new Entry(object, current.revision);
          return isReadyToGo(object)
            ? await this.storage.delete(kind, current)
            : await this.storage.update(kind, object, current);
        });
        if (written) return written;
      }
    });
  }

  /** Lays a configuration over the object, or creates it; a subresource's is never created. */
  async apply(
    kind: Kind,
    place: { namespace: string | undefined; name: string },
    application: Application,
    options: WriteOptions & { scope: WriteScope },
  ): Promise<{ readonly entry: Entry; readonly isNew: boolean }> {
    const { namespace, name } = place;
    if (options.scope === 'object' && !this.reader.find(kind, namespace, name)) {
      const { object, managedFields } = application.created();
      try {
        const entry = await this.create(kind, namespace, object, { ...options, managedFields });
        return { entry, isNew: true };
      } catch (error) {
        if (!this.reader.find(kind, namespace, name)) throw error;
      }
    }
    let managedFields: unknown;
    const change = (current: ApiObject): unknown => {
      const applied = application.applied(current);
      ({ managedFields } = applied);
      return applied.object;
    };
    const track: Track = (_, next) => {
      next.metadata.managedFields = managedFields;
    };
    return { entry: await this.update(kind, place, change, { ...options, track }), isNew: false };
  }

  delete(
    kind: Kind,
    place: { namespace: string | undefined; name: string },
    options: DeleteQuery = {},
  ): Promise<Deletion> {
    const { namespace, name } = place;
    return this.locked(kind, namespace, name, async () => {
      for (;;) {
        const current = this.reader.get(kind, namespace, name);
        checkPreconditions(kind, current.object, options.preconditions ?? {});
        this.refuseDeletion(kind, name);
        const marked = markDeleted(kind, current.copy(), options);
        if (isReadyToGo(marked)) {
          const gone = options.dryRun ? current : await this.storage.delete(kind, current);
          if (gone) return { entry: gone, isGone: true };
          continue;
        }
        if (isDeepStrictEqual(marked, current.object)) return { entry: current, isGone: false };
        countGeneration(kind, current.object, marked);
        const written = options.dryRun
          ? new Entry(marked, current.revision)
          : await this.storage.update(kind, marked, current);
        if (written) return { entry: written, isGone: false };
      }
    });
  }

  async deleteCollection(kind: Kind, query: ListQuery, options: DeleteQuery = {}): Promise<Entry[]> {
    const { entries } = await this.reader.list(kind, query);
    for (const { object } of entries) {
      const { namespace, name, uid } = object.metadata;
      // One by one: large deletes slow etcd's reads down for long.
      await this.delete(kind, { namespace, name }, { ...options, preconditions: { uid } }).catch(
        (error: unknown) => {
          if (this.reader.find(kind, namespace, name)?.object.metadata.uid === uid) throw error;
        },
      );
    }
    return [...entries];
  }

  private admit(kind: Kind, object: ApiObject, old: ApiObject | undefined): void {
    const problems = validateMetadata(kind, object, old);
    if (problems.length > 0) throw invalid(kind, object.metadata.name, problems);
    kind.setDefaults?.(object);
    kind.admit?.(object, old, this.context(kind));
    const errors = kind.validate?.(object, old) ?? [];
    if (errors.length > 0) throw invalid(kind, object.metadata.name, errors);
  }

  private context(kind: Kind): AdmissionContext {
    let claimed: Set<string> | undefined;
    return {
      serviceCidr: this.serviceCidr,
      isClaimed: (key) => {
        claimed ??= new Set(
          this.reader
            .entries(kind)
            .flatMap((entry) => (kind.claims?.(entry.object) ?? []).map((claim) => claim.key)),
        );
        return claimed.has(key);
      },
      list: (plural, namespace) =>
        this.reader.entries(this.kindNamed(plural), namespace).map((entry) => entry.object),
    };
  }

  /** The namespace that a new object goes into; it must exist and not be ending. */
  private livingNamespace(kind: Kind, object: ApiObject): { kind: Kind; entry: Entry } | undefined {
    if (!kind.namespaced) return undefined;
    const namespaces = this.kindNamed('namespaces', '');
    const namespace = object.metadata.namespace ?? '';
    const entry = this.reader.get(namespaces, undefined, namespace);
    if (entry.object.metadata.deletionTimestamp) {
      throw forbidden(
        kind,
        object.metadata.name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
    return { kind: namespaces, entry };
  }

  private refuseDeletion(kind: Kind, name: string): void {
    const isKept = kind.plural === 'namespaces' && ['default', 'kube-system', 'kube-public'].includes(name);
    if (isKept) throw forbidden(kind, name, 'this namespace may not be deleted');
  }

  /** Writers of one object take turns here, so that patches of one server never collide. */
  private locked<T>(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    run: () => Promise<T>,
  ): Promise<T> {
    return this.locks.run(`${kind.group}/${kind.plural}/${namespace ?? ''}/${name}`, run);
  }
}

function hasName(body: unknown): boolean {
  return Boolean((body as Partial<ApiObject>).metadata?.name);
}

/** Nothing keeps an object that is being deleted any more: no finalizer, no grace time. */
function isReadyToGo(object: ApiObject): boolean {
  const { metadata, spec } = object;
  const namespaceFinalizers =
    object.kind === 'Namespace' ? (spec?.['finalizers'] as unknown[] | undefined) : undefined;
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    (metadata.finalizers ?? []).length === 0 &&
    (namespaceFinalizers ?? []).length === 0
  );
}

function markDeleted(kind: Kind, object: ApiObject, options: DeleteQuery): ApiObject {
  const { metadata } = object;
  const grace = graceOf(kind, object, options.gracePeriodSeconds);
  if (metadata.deletionTimestamp === undefined || grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
    metadata.deletionTimestamp = nowText(grace);
    metadata.deletionGracePeriodSeconds = grace;
  }
  const { propagationPolicy } = options;
  if (propagationPolicy) {
    const others = (metadata.finalizers ?? []).filter(
      (each) => each !== 'orphan' && each !== 'foregroundDeletion',
    );
    if (propagationPolicy === 'Orphan') others.push('orphan');
    if (propagationPolicy === 'Foreground') others.push('foregroundDeletion');
    metadata.finalizers = others.length > 0 ? others : undefined;
  }
  if (object.kind === 'Namespace') object.status = { ...object.status, phase: 'Terminating' };
  return clone(object);
}

/** Only a pod that runs somewhere gets time to end; its kubelet then deletes it with grace 0. */
function graceOf(kind: Kind, object: ApiObject, asked: number | undefined): number {
  if (kind.plural !== 'pods' || !object.spec?.['nodeName']) return 0;
  const phase = String(object.status?.['phase']);
  if (phase === 'Succeeded' || phase === 'Failed') return 0;
  const own = object.spec['terminationGracePeriodSeconds'];
  return Math.max(asked ?? (typeof own === 'number' ? own : 30), 0);
}
