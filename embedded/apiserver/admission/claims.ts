import { quantityOrZero } from '../../client/quantity.ts';
import { forbidden, invalid } from '../errors.ts';
import { forbiddenField } from '../field-error.ts';
import type { AdmissionContext } from '../kind.ts';
import { textAt, type ApiObject } from '../object.ts';
import { limitClaim } from './limits.ts';

const classField = 'storageClassName';
const kind = { group: '', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims' };

/** A new claim gets the default class; a known one may grow where its class allows it. */
export function admitClaim(claim: ApiObject, old: ApiObject | undefined, context: AdmissionContext): void {
  if (!old) {
    setDefaultClass(claim, context);
    limitClaim(claim, context);
  } else checkResize(claim, old, context);
}

function setDefaultClass(claim: ApiObject, context: AdmissionContext): void {
  const spec = (claim.spec ??= {});
  if (spec[classField] !== undefined || spec['volumeName'] !== undefined) return;
  if (claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
  const [newest] = context
    .list('storageclasses')
    .filter(
      ({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
    )
    .toSorted((left, right) =>
      right.metadata.creationTimestamp.localeCompare(left.metadata.creationTimestamp),
    );
  if (newest) spec[classField] = newest.metadata.name;
}

function checkResize(claim: ApiObject, old: ApiObject, context: AdmissionContext): void {
  const { name } = claim.metadata;
  const [wanted, before] = [sizeOf(claim), sizeOf(old)];
  if (wanted === before) return;
  const field = 'spec.resources.requests.storage';
  const capacity = quantityOrZero(textAt(old, 'status', 'capacity', 'storage'));
  // A growth that its provisioner cannot do may be taken back, but never below what there is.
  if (wanted < before && (capacity === 0 || wanted <= capacity))
    throw invalid(kind, name, [forbiddenField(field, 'field can not be less than status.capacity')]);
  if (textAt(old, 'status', 'phase') !== 'Bound')
    throw invalid(kind, name, [forbiddenField(field, 'only bound claims can be resized')]);
  const className = textAt(old, 'spec', classField);
  const found = context.list('storageclasses').find(({ metadata }) => metadata.name === className);
  if (found?.['allowVolumeExpansion'] === true) return;
  const why =
    'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
  throw forbidden(kind, name, why);
}

function sizeOf(claim: ApiObject): number {
  return quantityOrZero(textAt(claim, 'spec', 'resources', 'requests', 'storage'));
}
