import { expect, test } from 'vitest';
import { listAt, type ApiObject } from '../object.ts';
import { allocateNodePorts, nodePortClaims, nodePortErrors } from './node-ports.ts';

const service = (type: string, ...ports: object[]) =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { type, ports },
  }) as unknown as ApiObject;
const port = (more: object = {}) => ({ name: 'http', protocol: 'TCP', port: 80, ...more });
const portsOf = (object: ApiObject) => listAt(object, 'spec', 'ports').map((each) => each['nodePort']);

test('a port gets a free number, keeps it, and gives it back with the type', () => {
  const made = service('NodePort', port(), port({ name: 'other', port: 81, nodePort: 30_001 }));
  allocateNodePorts(made, undefined, (key) => !key.endsWith('32767'));
  expect(portsOf(made)).toEqual([32_767, 30_001]);
  expect(nodePortErrors(made)).toEqual([]);
  expect(nodePortClaims(made).map(({ key }) => key)).toEqual(['nodeports/32767', 'nodeports/30001']);
  const changed = service('NodePort', port({ targetPort: 9 }));
  allocateNodePorts(changed, made, () => false);
  expect(portsOf(changed)).toEqual([32_767]);
  const inside = service('ClusterIP', port({ nodePort: 32_767 }));
  allocateNodePorts(inside, made, () => false);
  expect(portsOf(inside)).toEqual([undefined]);
});

test('what cannot be had is refused', () => {
  expect(nodePortErrors(service('NodePort', port({ nodePort: 80 })))).toHaveLength(1);
  expect(nodePortErrors(service('ClusterIP', port({ nodePort: 30_080 })))).toHaveLength(1);
  const shared = [port({ nodePort: 30_080 }), port({ protocol: 'UDP', nodePort: 30_080 })];
  expect(nodePortErrors(service('NodePort', ...shared))).toEqual([]);
  expect(nodePortErrors(service('NodePort', ...shared, port({ nodePort: 30_080 })))).toHaveLength(1);
  const full = service('NodePort', port());
  allocateNodePorts(full, undefined, () => true);
  expect(nodePortErrors(full)).toHaveLength(1);
});
