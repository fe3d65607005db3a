import { messageOf } from '@skyarc/lib/errors';
import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone, isTaken } from '../failures.ts';
import type { Claim, Pod, StorageClass, Volume } from '../kinds.ts';
import { isFinished } from '../pods.ts';
import { sameJson } from '../same.ts';
import {
  claimKeysOf,
  classOf,
  findVolume,
  isBoundTo,
  isDefaultClass,
  provisionerAnnotations,
  selectedNodeAnnotation,
  suitsNode,
  waitsForConsumer,
  wantsMore,
} from './binding.ts';
import { DirectoryProvisioner, provisionerName } from './provisioner.ts';

const protection = 'kubernetes.io/pvc-protection';

/** Binds claims to volumes, makes volumes of the default class, and reclaims those whose claim is gone. */
export function volumeController(context: ControllerContext): Controller {
  return new VolumeController(context);
}

class VolumeController implements Controller {
  private readonly context: ControllerContext;
  private readonly provisioner: DirectoryProvisioner | undefined;
  private readonly claims: WorkQueue;
  private readonly volumes: WorkQueue;

  constructor(context: ControllerContext) {
    this.context = context;
    const { informers, log, config } = context;
    const { volumeRoot } = config.storage;
    if (volumeRoot !== undefined) this.provisioner = new DirectoryProvisioner(volumeRoot);
    this.claims = new WorkQueue({
      name: 'claim',
      workers: 4,
      log,
      handle: (key) => this.reconcileClaim(key),
    });
    this.volumes = new WorkQueue({
      name: 'volume',
      workers: 4,
      log,
      handle: (key) => this.reconcileVolume(key),
    });

    const addClaim = (claim: Claim) => this.claims.add(keyOf(claim));
    informers.of('persistentvolumeclaims').on({
      add: addClaim,
      update: addClaim,
      delete: ({ spec }) => spec?.volumeName && this.volumes.add(spec.volumeName),
    });
    const volumeChanged = (volume: Volume) => {
      this.volumes.add(keyOf(volume));
      // What its provisioner made of it shows in the claim.
      const { name, namespace } = volume.spec?.claimRef ?? {};
      if (name) this.claims.add(`${namespace ?? ''}/${name}`);
      this.retryPendingClaims();
    };
    const podEnded = (pod: Pod) => {
      if (!isFinished(pod) && informers.store('pods').get(keyOf(pod))) return;
      for (const claim of claimKeysOf(pod)) this.claims.add(claim);
    };
    informers.of('pods').on({ update: podEnded, delete: podEnded });
    informers.of('persistentvolumes').on({ add: volumeChanged, update: volumeChanged });
    informers.of('nodes');
    informers.of('storageclasses').on({
      add: () => this.retryPendingClaims(),
      delete: () => this.claims.add(''),
    });
    this.claims.add('');
  }

  start(): void {
    this.claims.start();
    this.volumes.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.claims.stop(), this.volumes.stop()]);
  }

  private retryPendingClaims(): void {
    for (const claim of this.context.informers.store('persistentvolumeclaims').list()) {
      if (claim.status?.phase !== 'Bound') this.claims.add(keyOf(claim));
    }
  }

  /** The empty key stands for the default class itself. */
  private async reconcileClaim(key: string): Promise<void> {
    if (key === '') {
      await this.ensureClass();
      return;
    }
    const { client, informers } = this.context;
    const claim = informers.store('persistentvolumeclaims').get(key);
    if (!claim) return;
    if (claim.metadata?.deletionTimestamp) {
      await this.unprotect(claim);
      return;
    }
    const volumes = informers.store('persistentvolumes');
    if (claim.spec?.volumeName) {
      const volume = volumes.get(claim.spec.volumeName);
      if (volume) {
        await this.grow(claim, volume);
        await this.bind(claim, volume);
      } else if (claim.status?.phase === 'Bound') await this.setClaimPhase(claim, { phase: 'Lost' });
      return;
    }
    const storageClass = this.classFor(claim);
    const node = claim.metadata?.annotations?.[selectedNodeAnnotation];
    const isDelayed = waitsForConsumer(claim, storageClass) && node === undefined;
    const found = findVolume(this.withDefaultClass(claim), this.reachable(node));
    if (found && (!isDelayed || found.spec?.claimRef)) {
      await this.bind(claim, found);
      return;
    }
    if (isDelayed) {
      await this.setClaimPhase(claim, { phase: 'Pending' });
      const message = 'waiting for first consumer to be created before binding';
      this.tell(claim, 'Normal', 'WaitForFirstConsumer', message);
      return;
    }
    if (this.provisioner && storageClass?.provisioner === provisionerName) {
      const wanted = await this.provisioner.provision(claim, storageClass);
      const made = await client.create('persistentvolumes', wanted).catch((error: unknown) => {
        if (!isTaken(error)) throw error;
        return wanted;
      });
      const name = made.metadata?.name ?? '';
      this.tell(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`);
      return;
    }
    if (storageClass) await this.hand(claim, storageClass.provisioner);
    await this.setClaimPhase(claim, { phase: 'Pending' });
    const message = storageClass
      ? `waiting for a volume to be created by the external provisioner '${storageClass.provisioner}'`
      : 'no persistent volumes available for this claim and no storage class is set';
    this.tell(claim, 'Normal', storageClass ? 'ExternalProvisioning' : 'FailedBinding', message);
  }

  /** Volumes that a node reaches; all of them before there is one. */
  private reachable(nodeName: string | undefined): Volume[] {
    const { informers } = this.context;
    const node = nodeName === undefined ? undefined : informers.store('nodes').get(nodeName);
    const volumes = informers.store('persistentvolumes').list();
    return node ? volumes.filter((volume) => suitsNode(volume, node)) : volumes;
  }

  /** Names the provisioner that is to make the volume, which external ones wait for. */
  private async hand(claim: Claim, provisioner: string): Promise<void> {
    const { name = '', namespace, uid, annotations } = claim.metadata ?? {};
    if (provisionerAnnotations.every((key) => annotations?.[key] === provisioner)) return;
    const named = Object.fromEntries(provisionerAnnotations.map((key) => [key, provisioner]));
    await this.context.client
      .patch('persistentvolumeclaims', name, namespace, { metadata: { uid, annotations: named } })
      .catch(ignoreGone);
  }

  /** A directory has no size of its own: growing is a matter of what is promised. */
  private async grow(claim: Claim, volume: Volume): Promise<void> {
    if (!this.provisioner?.owns(volume) || !wantsMore(claim, volume)) return;
    const { name = '', uid } = volume.metadata ?? {};
    const storage = claim.spec?.resources?.requests?.['storage'];
    await this.context.client.patch('persistentvolumes', name, undefined, {
      metadata: { uid },
      spec: { capacity: { storage } },
    });
    this.tell(claim, 'Normal', 'VolumeResizeSuccessful', `Resized volume to ${storage ?? ''}`);
  }

  private classFor(claim: Claim): StorageClass | undefined {
    const classes = this.context.informers.store('storageclasses');
    const name = classOf(claim);
    return name === undefined ? classes.list().find(isDefaultClass) : classes.get(name);
  }

  /** A claim without a class means the default one, when there is one. */
  private withDefaultClass(claim: Claim): Claim {
    const storageClassName = classOf(claim) ?? this.classFor(claim)?.metadata?.name;
    return { ...claim, spec: { ...claim.spec, storageClassName } };
  }

  /** Volume first, then claim, each step repeatable: a stop between them is made good by the next round. */
  private async bind(claim: Claim, volume: Volume): Promise<void> {
    const { client } = this.context;
    const { name = '', namespace, uid } = claim.metadata ?? {};
    if (volume.spec?.claimRef && !isBoundTo(volume, claim)) return;
    if (!volume.spec?.claimRef?.uid) {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid };
      await client.update('persistentvolumes', { ...volume, spec: { ...volume.spec, claimRef } });
      // Its change brings the claim back here.
      return;
    }
    let bound = claim;
    if (!claim.spec?.volumeName) {
      bound = await client.update('persistentvolumeclaims', {
        ...claim,
        metadata: {
          ...claim.metadata,
          annotations: { ...claim.metadata?.annotations, 'pv.kubernetes.io/bind-completed': 'yes' },
          // From now on there may be data: it outlives the last pod that mounts it.
          finalizers: [...new Set([...(claim.metadata?.finalizers ?? []), protection])],
        },
        spec: {
          ...claim.spec,
          storageClassName: claim.spec?.storageClassName ?? volume.spec.storageClassName,
          volumeName: volume.metadata?.name,
        },
      });
    }
    const { accessModes, capacity } = volume.spec;
    await this.setClaimPhase(bound, { phase: 'Bound', accessModes, capacity });
  }

  /** Lets a deleted claim go when no pod uses it any more. */
  private async unprotect(claim: Claim): Promise<void> {
    const { client, informers } = this.context;
    const { name = '', namespace, uid, resourceVersion, finalizers = [] } = claim.metadata ?? {};
    const isUsed = (pod: Pod) => !isFinished(pod) && claimKeysOf(pod).includes(keyOf(claim));
    if (!finalizers.includes(protection)) return;
    if (informers.store('pods').by('claim', keyOf(claim)).some(isUsed)) return;
    // The cache may not know a new pod yet: ask the API before data may be lost.
    if ((await client.list('pods', { namespace })).items.some(isUsed)) return;
    const rest = finalizers.filter((finalizer) => finalizer !== protection);
    await client
      .patch('persistentvolumeclaims', name, namespace, {
        metadata: { uid, resourceVersion, finalizers: rest },
      })
      .catch(ignoreGone);
  }

  private async setClaimPhase(claim: Claim, status: NonNullable<Claim['status']>): Promise<void> {
    const next = { ...claim.status, ...status };
    if (sameJson(next, claim.status)) return;
    await this.context.client
      .updateStatus('persistentvolumeclaims', { ...claim, status: next })
      .catch(ignoreGone);
  }

  private async reconcileVolume(name: string): Promise<void> {
    const volume = this.context.informers.store('persistentvolumes').get(name);
    if (!volume) return;
    const phase = await this.phaseOf(volume);
    if (volume.status?.phase !== phase) {
      await this.context.client
        .updateStatus('persistentvolumes', { ...volume, status: { phase } })
        .catch(ignoreGone);
    }
    if (phase === 'Released') await this.reclaim(volume);
  }

  private async phaseOf(volume: Volume): Promise<string> {
    const { client, informers } = this.context;
    const { name = '', namespace, uid } = volume.spec?.claimRef ?? {};
    if (!uid) return 'Available';
    const cached = informers.store('persistentvolumeclaims').get(`${namespace ?? ''}/${name}`);
    // Released means deleted data: ask the API, never only the cache.
    const claim =
      cached?.metadata?.uid === uid ? cached : await client.find('persistentvolumeclaims', name, namespace);
    return claim?.metadata?.uid === uid ? 'Bound' : 'Released';
  }

  private async reclaim(volume: Volume): Promise<void> {
    const { name = '', uid } = volume.metadata ?? {};
    if (volume.spec?.persistentVolumeReclaimPolicy !== 'Delete' || !this.provisioner?.owns(volume)) return;
    await this.provisioner.remove(volume);
    await this.context.client.delete('persistentvolumes', name, undefined, { uid }).catch(ignoreGone);
    this.context.log.info({ volume: name }, 'volume reclaimed');
  }

  private async ensureClass(): Promise<void> {
    const { client, informers, config, log } = this.context;
    const { className } = config.storage;
    if (!this.provisioner || informers.store('storageclasses').get(className)) return;
    try {
      await client.create('storageclasses', DirectoryProvisioner.storageClass(className));
    } catch (error) {
      if (isTaken(error)) return;
      log.warn({ className, reason: messageOf(error) }, 'default storage class not made');
      throw error;
    }
  }

  private tell(claim: Claim, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const about = { ...claim, kind: 'PersistentVolumeClaim', apiVersion: 'v1' };
    this.context.events.record({ about, type, reason, message });
  }
}
