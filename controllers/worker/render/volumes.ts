import { createHash } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf, volumeLabel } from './labels.ts';
import { mebibytes } from './quantities.ts';
import type { RenderOptions, RunSpec, VolumeSpec } from './run-spec.ts';

type Claim = KindTable['persistentvolumeclaims'];
type ClaimTemplate = NonNullable<
  NonNullable<KindTable['statefulsets']['spec']>['volumeClaimTemplates']
>[number];
type PodSpec = NonNullable<NonNullable<KindTable['deployments']['spec']>['template']['spec']>;
type PodVolume = NonNullable<PodSpec['volumes']>[number];
type Mount = NonNullable<PodSpec['containers'][number]['volumeMounts']>[number];
type ClassVolume = Extract<VolumeSpec, { kind: 'CLASS' }>;
type FileSpec = Extract<VolumeSpec, { kind: 'CONFIG_FILE' }>;

/** Name of the claim of a volume that all pods share; another volume has another, also under the same name. */
export function claimNameOf(app: string, volumeId: string): string {
  return `${app}-${suffixOf(volumeId)}`;
}

/** Claims that all pods of an app share; with those of other apps that it mounts, so that it may start first. */
export function renderClaims(spec: RunSpec, options: RenderOptions): Claim[] {
  return spec.volumes.flatMap((volume): Claim[] => {
    if (volume.kind === 'APP') {
      const { source } = volume;
      return [renderClaim(source.app, { ...source, kind: 'SHARED' }, { spec, options })];
    }
    const isShared = volume.kind === 'SHARED' || (volume.kind === 'CLASS' && !isPerPod(spec, volume));
    return isShared ? [renderClaim(spec, volume, { spec, options })] : [];
  });
}

/** What a StatefulSet claims for each of its pods. */
export function renderClaimTemplates(spec: RunSpec, { storage }: RenderOptions): ClaimTemplate[] {
  return spec.volumes.flatMap((volume) => {
    if (!isPerPod(spec, volume)) return [];
    const storageClass = volume.kind === 'CLASS' ? volume.storageClass : storage.local;
    return [
      {
        metadata: {
          name: podVolumeNameOf(volume),
          labels: { ...labelsOf(spec), [volumeLabel]: volume.id },
        },
        spec: claimSpecOf(volume.sizeMb, storageClass, 'ReadWriteOnce'),
      },
    ];
  });
}

/** Volumes of an app's pods and where they are mounted. Throws INVALID for a kind that the workload cannot have. */
export function renderPodVolumes(spec: RunSpec): { volumes: PodVolume[]; mounts: Mount[] } {
  const files = spec.volumes.filter(isFile);
  const volumes = spec.volumes.flatMap((volume): PodVolume[] => {
    if (volume.kind === 'LOCAL' && spec.workload !== 'STATEFUL') {
      throw new AppError('INVALID', `Volume "${volume.name}" is LOCAL, which only a STATEFUL app can have`);
    }
    if (isFile(volume)) return [];
    const name = podVolumeNameOf(volume);
    if (volume.kind === 'MEMORY') {
      const sizeLimit = volume.sizeMb ? { sizeLimit: mebibytes(volume.sizeMb) } : {};
      return [{ name, emptyDir: { medium: 'Memory', ...sizeLimit } }];
    }
    // The StatefulSet adds the volumes of its own claims.
    if (isPerPod(spec, volume)) return [];
    const claimName =
      volume.kind === 'APP'
        ? claimNameOf(volume.source.app.name, volume.source.id)
        : claimNameOf(spec.name, volume.id);
    return [{ name, persistentVolumeClaim: { claimName } }];
  });
  const items = files.map(({ id, fileMode }) => ({ key: suffixOf(id), path: suffixOf(id), mode: fileMode }));
  return {
    volumes: [
      ...volumes,
      ...(files.length > 0
        ? [{ name: filesVolume, secret: { secretName: filesSecretName(spec), items } }]
        : []),
    ],
    mounts: spec.volumes.map((volume) => renderMount(volume)),
  };
}

/** Texts of the config files; null when there are none. */
export function renderFilesSecret(spec: RunSpec): KindTable['secrets'] | null {
  const files = spec.volumes.filter(isFile);
  if (files.length === 0) return null;
  return {
    metadata: { name: filesSecretName(spec), namespace: spec.namespace, labels: labelsOf(spec) },
    type: 'Opaque',
    immutable: true,
    data: Object.fromEntries(
      files.map(({ id, content }) => [suffixOf(id), Buffer.from(content).toString('base64')]),
    ),
  };
}

const filesVolume = 'files';

/** Another text is another Secret: pods follow a change, and old pods keep theirs. */
function filesSecretName(spec: RunSpec): string {
  const texts = JSON.stringify(spec.volumes.filter(isFile).map(({ id, content }) => [id, content]));
  return `${spec.name}-files-${createHash('sha256').update(texts).digest('hex').slice(0, 12)}`;
}

function renderClaim(
  owner: { readonly id: string; readonly name: string; readonly team: string },
  volume: { readonly kind: 'SHARED'; readonly id: string; readonly sizeMb: number } | ClassVolume,
  { spec, options }: { spec: RunSpec; options: RenderOptions },
): Claim {
  const [storageClass, mode] =
    volume.kind === 'CLASS'
      ? [volume.storageClass, volume.accessMode]
      : [options.storage.shared, 'ReadWriteMany'];
  return {
    metadata: {
      name: claimNameOf(owner.name, volume.id),
      namespace: spec.namespace,
      labels: { ...labelsOf(owner), [volumeLabel]: volume.id },
    },
    spec: claimSpecOf(volume.sizeMb, storageClass, mode),
  };
}

function claimSpecOf(
  sizeMb: number,
  storageClassName: string | null,
  accessMode: string,
): NonNullable<Claim['spec']> {
  return {
    accessModes: [accessMode],
    volumeMode: 'Filesystem',
    ...(storageClassName === null ? {} : { storageClassName }),
    resources: { requests: { storage: mebibytes(sizeMb) } },
  };
}

function renderMount(volume: VolumeSpec): Mount {
  const { mountPath, readOnly } = volume;
  if (isFile(volume)) return { name: filesVolume, mountPath, subPath: suffixOf(volume.id), readOnly: true };
  return { name: podVolumeNameOf(volume), mountPath, ...(readOnly ? { readOnly } : {}) };
}

/** True for a volume that each pod of a StatefulSet has for itself. */
function isPerPod(
  { workload }: RunSpec,
  volume: VolumeSpec,
): volume is Extract<VolumeSpec, { kind: 'LOCAL' }> | ClassVolume {
  if (workload !== 'STATEFUL') return false;
  return volume.kind === 'LOCAL' || (volume.kind === 'CLASS' && volume.accessMode === 'ReadWriteOnce');
}

function isFile(volume: VolumeSpec): volume is FileSpec {
  return volume.kind === 'CONFIG_FILE';
}

function podVolumeNameOf({ id }: { readonly id: string }): string {
  return `v-${suffixOf(id)}`;
}

function suffixOf(id: string): string {
  return id.split('.').at(-1) ?? id;
}
