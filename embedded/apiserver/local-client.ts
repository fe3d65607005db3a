import type {
  DeleteOptions,
  KindTable,
  KubeClient,
  ListOptions,
  Resource,
  WatchEvent,
} from '../client/index.ts';
import type { Entry } from './entry.ts';
import type { Kind } from './kind.ts';
import { mergePatch } from './patch/merge-patch.ts';
import type { ApiObject } from './object.ts';
import type { Registry } from './registry.ts';

/** The cluster's API without a socket: same verbs, validation and errors; every object handed out is a copy. */
export function createLocalClient(registry: Registry): KubeClient {
  return new LocalClient(registry);
}

class LocalClient implements KubeClient {
  private readonly registry: Registry;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  async find<R extends Resource>(
    resource: R,
    name: string,
    namespace?: string,
  ): Promise<KindTable[R] | null> {
    const kind = this.kindOf(resource);
    const entry = this.registry.reader.find(kind, placeIn(kind, namespace), name);
    return entry ? copyOf(entry) : null;
  }

  async list<R extends Resource>(
    resource: R,
    options: ListOptions = {},
  ): Promise<{ items: KindTable[R][]; resourceVersion: string }> {
    const page = await this.registry.reader.list(this.kindOf(resource), options);
    return {
      items: page.entries.map((entry) => copyOf<R>(entry)),
      resourceVersion: String(page.revision),
    };
  }

  async *watch<R extends Resource>(
    resource: R,
    options: ListOptions & { resourceVersion: string; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<KindTable[R]>> {
    const { signal, ...query } = options;
    let waiting: WatchEvent<Entry>[] = [];
    let wake: (() => void) | undefined;
    const stop = this.registry.reader.watch(this.kindOf(resource), query, (type, object) => {
      waiting.push({ type, object });
      wake?.();
    });
    const onAbort = (): void => wake?.();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const batch = waiting;
        waiting = [];
        for (const { type, object } of batch) {
          if (signal.aborted) return;
          yield { type, object: copyOf<R>(object) };
        }
        if (waiting.length > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      stop();
    }
  }

  async create<R extends Resource>(resource: R, object: KindTable[R]): Promise<KindTable[R]> {
    const kind = this.kindOf(resource);
    return copyOf(await this.registry.create(kind, placeIn(kind, object.metadata?.namespace), object));
  }

  update<R extends Resource>(resource: R, object: KindTable[R]): Promise<KindTable[R]> {
    return this.change(resource, placeOf(object), () => object, 'object');
  }

  updateStatus<R extends Resource>(resource: R, object: KindTable[R]): Promise<KindTable[R]> {
    return this.change(resource, placeOf(object), () => object, 'status');
  }

  patch<R extends Resource>(
    resource: R,
    name: string,
    namespace: string | undefined,
    patch: object,
  ): Promise<KindTable[R]> {
    return this.change(resource, { name, namespace }, (current) => mergePatch(current, patch), 'object');
  }

  patchStatus<R extends Resource>(
    resource: R,
    name: string,
    namespace: string | undefined,
    patch: object,
  ): Promise<KindTable[R]> {
    return this.change(resource, { name, namespace }, (current) => mergePatch(current, patch), 'status');
  }

  async delete(
    resource: Resource,
    name: string,
    namespace?: string,
    options: DeleteOptions = {},
  ): Promise<void> {
    const kind = this.kindOf(resource);
    const { uid, ...rest } = options;
    await this.registry.delete(
      kind,
      { namespace: placeIn(kind, namespace), name },
      { ...rest, preconditions: { uid } },
    );
  }

  private async change<R extends Resource>(
    resource: R,
    place: { name: string; namespace: string | undefined },
    change: (current: ApiObject) => unknown,
    scope: 'object' | 'status',
  ): Promise<KindTable[R]> {
    const kind = this.kindOf(resource);
    const at = { name: place.name, namespace: placeIn(kind, place.namespace) };
    return copyOf(await this.registry.update(kind, at, change, { scope }));
  }

  private kindOf(resource: Resource): Kind {
    return this.registry.kindNamed(resource);
  }
}

function placeIn(kind: Kind, namespace: string | undefined): string | undefined {
  return kind.namespaced ? namespace : undefined;
}

function placeOf(object: KindTable[Resource]): { name: string; namespace: string | undefined } {
  return { name: object.metadata?.name ?? '', namespace: object.metadata?.namespace };
}

/** The store holds only objects of the resource's kind. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the resource that the entry is of
function copyOf<R extends Resource>(entry: Entry): KindTable[R] {
  return entry.copy() as unknown as KindTable[R];
}
