import type { Logger } from '@skyarc/lib/log';
import type { KindTable, KubeClient, KubeObject, Resource } from '../client/index.ts';
import { Informer } from '../client/informer.ts';
import type { Indexer, Store } from '../client/store.ts';
import type { ControllersConfig } from './config.ts';
import type { EventRecorder } from './event-recorder.ts';
import { controllerOf } from './owners.ts';
import { claimKeysOf } from './volumes/binding.ts';

/** What every controller is built from. */
export interface ControllerContext {
  readonly client: KubeClient;
  readonly informers: SharedInformers;
  readonly events: EventRecorder;
  readonly config: ControllersConfig;
  readonly log: Logger;
  /** GET of an API that is not stored (metrics.k8s.io and its like), by path and query, as JSON. */
  readonly read: (path: string) => Promise<unknown>;
}

/** A controller registers its informer handlers when made, and works between start and stop. */
export interface Controller {
  start(): void;
  stop(): Promise<void>;
}

export type ControllerFactory = (context: ControllerContext) => Controller;

const indexers: { [R in Resource]?: Record<string, Indexer<KindTable[R]>> } = {
  replicasets: { orphan: homeOfOrphan },
  pods: {
    orphan: homeOfOrphan,
    claim: claimKeysOf,
    node: (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []),
  },
  endpointslices: {
    service: (slice) => {
      const name = slice.metadata?.labels?.['kubernetes.io/service-name'];
      return name ? [`${slice.metadata?.namespace ?? ''}/${name}`] : [];
    },
  },
};

/** Namespace of an object that no controller owns: a candidate for adoption. */
function homeOfOrphan(object: KubeObject): string[] {
  return controllerOf(object) ? [] : [object.metadata?.namespace ?? ''];
}

/** One informer per resource, shared by all controllers. */
export class SharedInformers {
  private readonly client: KubeClient;
  private readonly options: { log: Logger; repairEveryMs: number };
  private readonly informers = new Map<Resource, Informer<Resource>>();

  constructor(client: KubeClient, options: { log: Logger; repairEveryMs: number }) {
    this.client = client;
    this.options = options;
  }

  /** The informer of the resource; made at the first call, so call it before `start`. */
  of<R extends Resource>(resource: R): Informer<R> {
    let informer = this.informers.get(resource) as Informer<R> | undefined;
    if (!informer) {
      informer = new Informer(this.client, resource, { ...this.options, indexers: indexers[resource] });
      this.informers.set(resource, informer as unknown as Informer<Resource>);
    }
    return informer;
  }

  store<R extends Resource>(resource: R): Store<KindTable[R]> {
    return this.of(resource).store;
  }

  /** Resolves when every store holds its first list. */
  async start(): Promise<void> {
    await Promise.all([...this.informers.values()].map((informer) => informer.start()));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.informers.values()].map((informer) => informer.stop()));
  }
}
