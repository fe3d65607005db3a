import { forbidden } from '../errors.ts';
import type { AdmissionContext } from '../kind.ts';
import { textAt, type ApiObject } from '../object.ts';

/** Gives a new pod the number of its priority class, or of the class that is the default; 403 for an unknown class. */
export function setPriority(pod: ApiObject, context: AdmissionContext): void {
  const spec = (pod.spec ??= {});
  const classes = context.list('priorityclasses');
  const wanted = textAt(spec, 'priorityClassName');
  const found = wanted
    ? classes.find(({ metadata }) => metadata.name === wanted)
    : classes
        .filter((each) => each['globalDefault'] === true)
        .toSorted((left, right) => Number(left['value']) - Number(right['value']))[0];
  if (wanted && !found) {
    const why = `no PriorityClass with name ${wanted} was found`;
    throw forbidden({ group: '', plural: 'pods' }, pod.metadata.name, why);
  }
  if (!found) return;
  spec['priorityClassName'] = found.metadata.name;
  spec['priority'] = Number(found['value'] ?? 0);
  spec['preemptionPolicy'] = textAt(found, 'preemptionPolicy') || 'PreemptLowerPriority';
}
