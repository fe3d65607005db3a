import { isDeepStrictEqual } from 'node:util';
import { admitClaim } from '../admission/claims.ts';
import { forbiddenField, required } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, listAt, textAt, type ApiObject } from '../object.ts';
import { ageColumn, nameColumn, pathColumn, wide } from './columns.ts';

const short: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function accessModes(object: ApiObject, ...path: string[]): string {
  const modes = at(object, ...path);
  return Array.isArray(modes) ? modes.map((mode) => short[String(mode)] ?? String(mode)).join(',') : '';
}

export const persistentVolumeClaims = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  subresources: ['status'],
  initialStatus: () => ({ phase: 'Pending' }),
  setDefaults(claim) {
    const spec = (claim.spec ??= {});
    spec['volumeMode'] ??= 'Filesystem';
  },
  admit: admitClaim,
  validate: (claim, old) => [
    ...(listLength(claim, 'accessModes') > 0
      ? []
      : [required('spec.accessModes', 'at least 1 access mode is required')]),
    ...(textAt(claim, 'spec', 'resources', 'requests', 'storage')
      ? []
      : [required('spec.resources[storage]')]),
    ...(old && !isDeepStrictEqual(fixedClaim(claim, old), fixedClaim(old, old))
      ? [
          forbiddenField(
            'spec',
            'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
          ),
        ]
      : []),
  ],
  columns: [
    nameColumn,
    {
      name: 'Status',
      value: (claim) => (claim.metadata.deletionTimestamp ? 'Terminating' : textAt(claim, 'status', 'phase')),
    },
    pathColumn('Volume', ['spec', 'volumeName']),
    pathColumn('Capacity', ['status', 'capacity', 'storage']),
    { name: 'Access Modes', value: (claim) => accessModes(claim, 'status', 'accessModes') },
    pathColumn('StorageClass', ['spec', 'storageClassName']),
    ageColumn,
    wide(pathColumn('VolumeMode', ['spec', 'volumeMode'], '<unset>')),
  ],
});

function listLength(object: ApiObject, field: string): number {
  const list = object.spec?.[field];
  return Array.isArray(list) ? list.length : 0;
}

/** The binder chooses the volume once, and a default class may be filled in. */
function fixedClaim(claim: ApiObject, old: ApiObject): unknown {
  const {
    resources: _r,
    volumeName,
    storageClassName,
    volumeAttributesClassName: _v,
    ...rest
  } = claim.spec ?? {};
  return {
    ...rest,
    volumeName: old.spec?.['volumeName'] ? volumeName : undefined,
    storageClassName: old.spec?.['storageClassName'] === undefined ? undefined : storageClassName,
  };
}

export const persistentVolumes = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  subresources: ['status'],
  initialStatus: () => ({ phase: 'Pending' }),
  setDefaults(volume) {
    const spec = (volume.spec ??= {});
    spec['persistentVolumeReclaimPolicy'] ??= 'Retain';
    spec['volumeMode'] ??= 'Filesystem';
  },
  validate: (volume) => [
    ...(listLength(volume, 'accessModes') > 0 ? [] : [required('spec.accessModes')]),
    ...(textAt(volume, 'spec', 'capacity', 'storage') ? [] : [required('spec.capacity')]),
  ],
  columns: [
    nameColumn,
    pathColumn('Capacity', ['spec', 'capacity', 'storage']),
    { name: 'Access Modes', value: (volume) => accessModes(volume, 'spec', 'accessModes') },
    pathColumn('Reclaim Policy', ['spec', 'persistentVolumeReclaimPolicy']),
    {
      name: 'Status',
      value: (volume) =>
        volume.metadata.deletionTimestamp ? 'Terminating' : textAt(volume, 'status', 'phase'),
    },
    {
      name: 'Claim',
      value: (volume) =>
        at(volume, 'spec', 'claimRef')
          ? `${textAt(volume, 'spec', 'claimRef', 'namespace')}/${textAt(volume, 'spec', 'claimRef', 'name')}`
          : '',
    },
    pathColumn('StorageClass', ['spec', 'storageClassName']),
    pathColumn('Reason', ['status', 'reason']),
    ageColumn,
    wide(pathColumn('VolumeMode', ['spec', 'volumeMode'], '<unset>')),
  ],
});

const storageGroup = { group: 'storage.k8s.io', version: 'v1', namespaced: false };

export const storageClasses = defineKind({
  ...storageGroup,
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  setDefaults(each) {
    each['reclaimPolicy'] ??= 'Delete';
    each['volumeBindingMode'] ??= 'Immediate';
  },
  validate: (each) => (each['provisioner'] ? [] : [required('provisioner')]),
  columns: [
    {
      name: 'Name',
      value: ({ metadata }) =>
        metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true'
          ? `${metadata.name} (default)`
          : metadata.name,
    },
    pathColumn('Provisioner', ['provisioner']),
    pathColumn('ReclaimPolicy', ['reclaimPolicy']),
    pathColumn('VolumeBindingMode', ['volumeBindingMode']),
    { name: 'AllowVolumeExpansion', type: 'boolean', value: (each) => each['allowVolumeExpansion'] === true },
    ageColumn,
  ],
});

export const volumeAttachments = defineKind({
  ...storageGroup,
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  subresources: ['status'],
  columns: [
    nameColumn,
    pathColumn('Attacher', ['spec', 'attacher']),
    pathColumn('Node', ['spec', 'nodeName']),
    ageColumn,
  ],
});

export const csiDrivers = defineKind({
  ...storageGroup,
  kind: 'CSIDriver',
  plural: 'csidrivers',
  columns: [nameColumn, ageColumn],
});
export const csiNodes = defineKind({
  ...storageGroup,
  kind: 'CSINode',
  plural: 'csinodes',
  columns: [
    nameColumn,
    { name: 'Drivers', type: 'integer', value: (node) => listAt(node, 'spec', 'drivers').length },
    ageColumn,
  ],
});
