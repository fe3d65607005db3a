import type { Store } from '../../client/store.ts';
import type { Claim, Node, Pod, StorageClass, Volume } from '../kinds.ts';
import {
  classOf,
  findVolume,
  selectedNodeAnnotation,
  suitsNode,
  waitsForConsumer,
} from '../volumes/binding.ts';

export interface VolumeStores {
  readonly claims: Store<Claim>;
  readonly volumes: Store<Volume>;
  readonly classes: Store<StorageClass>;
}

/** What a pod's claims mean for where it may run. */
export interface VolumeNeeds {
  /** Why it can run nowhere now; undefined when it can. */
  readonly problem: string | undefined;
  /** Claims whose volume is chosen or made for the node that the pod gets. */
  readonly delayed: readonly Claim[];
  /** Why it cannot run on a node, in the words of kube-scheduler. */
  refusalOf(node: Node): string[];
}

export function volumeNeedsOf(pod: Pod, { claims, volumes, classes }: VolumeStores): VolumeNeeds {
  const delayed: Claim[] = [];
  const bound: Volume[] = [];
  let problem: string | undefined;
  for (const { persistentVolumeClaim } of pod.spec?.volumes ?? []) {
    if (!persistentVolumeClaim) continue;
    const { claimName } = persistentVolumeClaim;
    const claim = claims.get(`${pod.metadata?.namespace ?? ''}/${claimName}`);
    if (!claim) problem ??= `persistentvolumeclaim "${claimName}" not found`;
    else if (claim.metadata?.deletionTimestamp)
      problem ??= `persistentvolumeclaim "${claimName}" is being deleted`;
    else if (claim.status?.phase === 'Bound') {
      const volume = volumes.get(claim.spec?.volumeName ?? '');
      if (volume) bound.push(volume);
      else problem ??= `persistentvolume "${claim.spec?.volumeName ?? ''}" not found`;
    } else if (waitsForConsumer(claim, classes.get(classOf(claim) ?? ''))) delayed.push(claim);
    else problem ??= 'pod has unbound immediate PersistentVolumeClaims';
  }
  return {
    problem,
    delayed,
    refusalOf(node) {
      if (bound.some((volume) => !suitsNode(volume, node)))
        return ['node(s) had volume node affinity conflict'];
      const isPossible = delayed.every((claim) => {
        const selected = claim.metadata?.annotations?.[selectedNodeAnnotation];
        if (selected !== undefined) return selected === node.metadata?.name;
        const { provisioner } = classes.get(classOf(claim) ?? '') ?? {};
        const here = volumes.list().filter((volume) => suitsNode(volume, node));
        return provisioner !== 'kubernetes.io/no-provisioner' || findVolume(claim, here) !== undefined;
      });
      return isPossible ? [] : ["node(s) didn't find available persistent volumes to bind"];
    },
  };
}
