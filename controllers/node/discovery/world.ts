import { type MeshSpec, meshKey, meshLabel, meshSpec, parseStored } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { Informer, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import type { NamespaceView } from './render/snapshot.ts';

type Slice = KindTable['endpointslices'];

/** What changed: an app's rules, a service, or only the endpoints of one. */
export type WorldChange =
  | { readonly what: 'rules'; readonly namespace: string; readonly appId: string }
  | { readonly what: 'service' | 'endpoints'; readonly namespace: string; readonly service: string };

/** The cluster as discovery sees it: rules of apps, services and their endpoints, from live copies. */
export class World {
  private readonly rules: Informer<'configmaps'>;
  private readonly services: Informer<'services'>;
  private readonly slices: Informer<'endpointslices'>;
  private isKnown = false;
  private readonly slicesByService = new Map<string, Map<string, Slice>>();

  constructor(kube: KubeClient, log: Logger, onChange: (change: WorldChange) => void) {
    this.rules = new Informer(kube, 'configmaps', { log, labelSelector: meshLabel });
    this.services = new Informer(kube, 'services', { log });
    this.slices = new Informer(kube, 'endpointslices', { log });
    this.rules.onChange((now, before) => {
      const { namespace = '', labels } = (now ?? before)?.metadata ?? {};
      onChange({ what: 'rules', namespace, appId: labels?.[meshLabel] ?? '' });
    });
    this.services.onChange((now, before) => {
      const { namespace = '', name = '' } = (now ?? before)?.metadata ?? {};
      onChange({ what: 'service', namespace, service: name });
    });
    this.slices.onChange((now, before) => {
      const { namespace = '' } = (now ?? before)?.metadata ?? {};
      for (const service of this.index(now, before)) onChange({ what: 'endpoints', namespace, service });
    });
  }

  /** Milliseconds since the API server last said anything. */
  get silenceMs(): number {
    return Math.max(this.rules.silenceMs, this.services.silenceMs, this.slices.silenceMs);
  }

  async start(): Promise<void> {
    await Promise.all([this.rules.start(), this.services.start(), this.slices.start()]);
    this.isKnown = true;
  }

  async stop(): Promise<void> {
    await Promise.all([this.rules.stop(), this.services.stop(), this.slices.stop()]);
  }

  /** An app's rules; null when it has none, or they cannot be read. Throws UNAVAILABLE before anything is known. */
  findSpec(namespace: string, appId: string): { readonly spec: MeshSpec; readonly object: string } | null {
    if (!this.isKnown) throw new AppError('UNAVAILABLE', 'Discovery has not read the cluster yet');
    for (const { metadata, data } of this.rules.list()) {
      if (metadata?.namespace !== namespace || metadata.labels?.[meshLabel] !== appId) continue;
      const spec = parseStored(meshSpec, data?.[meshKey]);
      return spec && spec.appId === appId ? { spec, object: metadata.name ?? '' } : null;
    }
    return null;
  }

  view(namespace: string): NamespaceView {
    return {
      service: (name) => this.services.get(name, namespace),
      slicesOf: (name) => [...(this.slicesByService.get(`${namespace}/${name}`)?.values() ?? [])],
    };
  }

  /** Answers the services that the slice is or was of. */
  private index(now: Slice | undefined, before: Slice | undefined): Set<string> {
    const touched = new Set<string>();
    for (const [slice, isPresent] of [
      [before, false],
      [now, true],
    ] as const) {
      const { namespace = '', name = '', labels } = slice?.metadata ?? {};
      const service = labels?.['kubernetes.io/service-name'];
      if (!slice || !service) continue;
      touched.add(service);
      const key = `${namespace}/${service}`;
      const slices = this.slicesByService.get(key) ?? new Map<string, Slice>();
      if (isPresent) this.slicesByService.set(key, slices.set(name, slice));
      else if (slices.delete(name) && slices.size === 0) this.slicesByService.delete(key);
    }
    return touched;
  }
}
