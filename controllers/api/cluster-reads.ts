import { uriHost } from '@skyarc/lib/address';
import {
  autoscaling,
  externalAnnotation,
  externalState,
  type ExternalState,
  job,
  labels,
  meshObjectName,
  meshRefusal,
  type MeshRefusal,
  meshRefusalAnnotation,
  namespaceOf,
  parseStored,
} from '@skyarc/lib/contracts';
import type { KindTable, KubeClient } from '@skyarc/lib/kube';
import { Cron } from 'croner';
import type { ScalingMetricKind, StorageClass } from './generated/resolvers.ts';
import { type RunFacts, stored } from './present/run.ts';
import type { AppRecord } from './records.ts';

type Claim = KindTable['persistentvolumeclaims'];
type Autoscaler = KindTable['horizontalpodautoscalers'];

/** Id of the volume that a claim is of, as the worker labels it. */
const volumeLabel = 'skyarc.dev/volume-id';
const maxAgeMs = 2_000;
const maxKept = 500;

/** What is asked of Kubernetes when somebody looks, rather than followed: answers are kept for two seconds. */
export class ClusterReads {
  private readonly kube: KubeClient;
  private readonly known = new Map<string, { readonly at: number; readonly value: Promise<unknown> }>();

  constructor(kube: KubeClient) {
    this.kube = kube;
  }

  /** By name. Throws UNAVAILABLE. */
  storageClasses(): Promise<StorageClass[]> {
    return this.remember('classes', async () => {
      const { items } = await this.kube.list('storageclasses');
      return items.map(presentClass).toSorted((left, right) => left.name.localeCompare(right.name));
    });
  }

  /** Where each name server of the cluster tells of itself, as `address:port`; none that have no port of that name. */
  nameServers(): Promise<string[]> {
    return this.remember('name servers', async () => {
      const labelSelector = 'kubernetes.io/service-name=kube-dns';
      const { items } = await this.kube.list('endpointslices', { namespace: 'kube-system', labelSelector });
      const found = items.flatMap(({ endpoints, ports }) => {
        const port = ports?.find(({ name }) => name === 'metrics')?.port;
        const addresses = endpoints?.flatMap((each) => each.addresses) ?? [];
        return port ? addresses.map((address) => `${uriHost(address)}:${port}`) : [];
      });
      return found.toSorted((left, right) => left.localeCompare(right));
    });
  }

  /** State of the claims of each volume of an app, by the volume's id; none for those that have no claim. */
  volumeStates({ id, teamName }: AppRecord): Promise<Map<string, string>> {
    return this.remember(`claims ${id}`, async () => {
      const { items } = await this.kube.list('persistentvolumeclaims', {
        namespace: namespaceOf(teamName),
        labelSelector: `${labels.appId}=${id}`,
      });
      const byVolume = Map.groupBy(items, (claim) => claim.metadata?.labels?.[volumeLabel] ?? '');
      return new Map([...byVolume].map(([volumeId, claims]) => [volumeId, stateOf(claims)]));
    });
  }

  /** What the health checks of a service outside say; null before the first. */
  externalState({ name, teamName }: AppRecord): Promise<ExternalState | null> {
    return this.remember(`external ${teamName}/${name}`, async () => {
      const slice = await this.kube.find('endpointslices', `${name}-external`, namespaceOf(teamName));
      const text = slice?.metadata?.annotations?.[externalAnnotation];
      return text ? (externalState.safeParse(parseJson(text)).data ?? null) : null;
    });
  }

  /** What a client of the app refused last to be told; null when nothing. */
  meshRefusal({ id, name, teamName }: AppRecord): Promise<MeshRefusal | null> {
    return this.remember(`mesh ${id}`, async () => {
      const object = await this.kube.find('configmaps', meshObjectName(name), namespaceOf(teamName));
      return parseStored(meshRefusal, object?.metadata?.annotations?.[meshRefusalAnnotation]);
    });
  }

  /** What is measured of an app that its run settings show. */
  async runFacts(app: AppRecord): Promise<RunFacts> {
    const rule = stored(autoscaling, app.autoscaling);
    const autoscaler = rule?.enabled ? await this.autoscalerOf(app) : null;
    return {
      currentOf: (kind) => (autoscaler ? currentOf(autoscaler, kind) : null),
      nextRunAt: nextRunOf(app),
    };
  }

  private autoscalerOf({ name, teamName }: AppRecord): Promise<Autoscaler | null> {
    return this.remember(`autoscaler ${teamName}/${name}`, () =>
      // An old cluster, or one that is away, has nothing to say of the load.
      this.kube.find('horizontalpodautoscalers', name, namespaceOf(teamName)).catch(() => null),
    );
  }

  private remember<T>(key: string, read: () => Promise<T>): Promise<T> {
    const found = this.known.get(key);
    if (found && Date.now() - found.at < maxAgeMs) return found.value as Promise<T>;
    if (this.known.size >= maxKept) this.known.clear();
    const value = read();
    this.known.set(key, { at: Date.now(), value });
    value.catch(() => this.known.delete(key));
    return value;
  }
}

/** When a schedule is due next; null when the app has none, is not deployed or the schedule rests. */
function nextRunOf(app: AppRecord): Date | null {
  const settings = stored(job, app.job);
  const isDue = app.workload === 'CRON_JOB' && app.desired === 'RUNNING' && app.currentVersionId !== null;
  if (!isDue || !settings?.schedule || settings.suspended) return null;
  try {
    return new Cron(settings.schedule, { timezone: settings.timeZone ?? 'UTC', paused: true }).nextRun();
  } catch {
    return null;
  }
}

function currentOf({ status }: Autoscaler, kind: ScalingMetricKind): number | null {
  const name = kind === 'CPU' ? 'cpu' : 'memory';
  for (const { resource, external } of status?.currentMetrics ?? []) {
    if (kind === 'REQUEST_RATE' && external) return quantityOf(external.current.averageValue);
    if (kind !== 'REQUEST_RATE' && resource?.name === name)
      return resource.current.averageUtilization ?? null;
  }
  return null;
}

/** A plain quantity of Kubernetes, e.g. `12` or `12500m`. */
function quantityOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = text.endsWith('m') ? Number(text.slice(0, -1)) / 1_000 : Number(text);
  return Number.isFinite(value) ? Math.round(value) : null;
}

/** `Bound` when all are; else what the first one that is not waits for. */
function stateOf(claims: readonly Claim[]): string {
  const waiting = claims.find(({ status }) => status?.phase !== 'Bound');
  if (waiting) return waiting.status?.phase ?? 'Pending';
  const growing = claims.flatMap(({ status }) => status?.conditions ?? []);
  const resize = growing.find(({ type }) => type === 'Resizing' || type === 'FileSystemResizePending');
  return resize ? `Resizing${resize.message ? `: ${resize.message}` : ''}` : 'Bound';
}

/** Disks, which one node has at a time; of what is not known the cluster itself refuses what it cannot do. */
const nodeBound = /ebs|disk|rbd|cinder|local|hostpath|directory|no-provisioner/i;

function presentClass({
  metadata,
  provisioner,
  allowVolumeExpansion,
  parameters,
}: KindTable['storageclasses']): StorageClass {
  const isShared = parameters?.['shared'] === 'true' || !nodeBound.test(provisioner);
  return {
    name: metadata?.name ?? '',
    accessModes: isShared ? ['ReadWriteOnce', 'ReadWriteMany'] : ['ReadWriteOnce'],
    resizable: allowVolumeExpansion ?? false,
    isDefault: metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
