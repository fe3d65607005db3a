import { invalidValue, type FieldError } from '../field-error.ts';
import type { Claim } from '../kind.ts';
import { listAt, textAt, type ApiObject } from '../object.ts';

const first = 30_000;
const last = 32_767;

/** A node port once given stays with its port; a new one gets what was asked for or a free one of the range. */
export function allocateNodePorts(
  service: ApiObject,
  old: ApiObject | undefined,
  isClaimed: (key: string) => boolean,
): void {
  const ports = listAt(service, 'spec', 'ports');
  const before = new Map(listAt(old, 'spec', 'ports').map((port) => [identityOf(port), port['nodePort']]));
  if (textAt(service, 'spec', 'type') !== 'NodePort') {
    // What was given for an earlier type goes with it; what is asked for now is an error.
    for (const port of ports) if (port['nodePort'] === before.get(identityOf(port))) delete port['nodePort'];
    return;
  }
  for (const port of ports) port['nodePort'] ||= before.get(identityOf(port));
  const own = new Set(ports.map((port) => port['nodePort']));
  for (const port of ports) {
    if (port['nodePort']) continue;
    port['nodePort'] = freePort((each) => own.has(each) || isClaimed(claimKey(each)));
    own.add(port['nodePort']);
  }
}

function freePort(isTaken: (port: number) => boolean): number | undefined {
  const size = last - first + 1;
  const start = Math.floor(Math.random() * size);
  for (let i = 0; i < size; i += 1) {
    const port = first + ((start + i) % size);
    if (!isTaken(port)) return port;
  }
  return undefined;
}

/** Node ports are unique in the cluster, over all services and protocols. */
export function nodePortClaims(service: ApiObject): Claim[] {
  const claims = listAt(service, 'spec', 'ports').flatMap((port, i) => {
    const number = port['nodePort'];
    const taken = invalidValue(`spec.ports[${i}].nodePort`, number, 'provided port is already allocated');
    return typeof number === 'number' ? [[claimKey(number), { key: claimKey(number), taken }] as const] : [];
  });
  // TCP and UDP of one service may share one.
  return [...new Map(claims).values()];
}

export function nodePortErrors(service: ApiObject): FieldError[] {
  const isNodePort = textAt(service, 'spec', 'type') === 'NodePort';
  const seen = new Set<string>();
  return listAt(service, 'spec', 'ports').flatMap((port, i) => {
    const number = port['nodePort'];
    const field = `spec.ports[${i}].nodePort`;
    if (!isNodePort) {
      return number ? [invalidValue(field, number, "may not be used when `type` is 'ClusterIP'")] : [];
    }
    if (number === undefined)
      return [invalidValue(field, '', 'failed to allocate a nodePort: range is full')];
    if (typeof number !== 'number' || !Number.isInteger(number) || number < first || number > last) {
      const range = `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
      return [invalidValue(field, number, range)];
    }
    const key = `${textAt(port, 'protocol')} ${number}`;
    if (seen.has(key)) return [invalidValue(field, number, 'provided port is already allocated')];
    seen.add(key);
    return [];
  });
}

function claimKey(port: number): string {
  return `nodeports/${port}`;
}

function identityOf(port: Readonly<Record<string, unknown>>): string {
  return `${textAt(port, 'name')} ${textAt(port, 'protocol')} ${textAt(port, 'port')}`;
}
