import { expect, test } from 'vitest';
import { parseListeners, takenPorts } from './ports.ts';
import { readTopology } from './topology.ts';

const text = `
LISTEN 0 511 127.0.0.1:8080 0.0.0.0:* users:(("nginx",pid=11,fd=6),("nginx",pid=10,fd=6))
LISTEN 0 50          *:8081       *:* users:(("java",pid=20,fd=41))
LISTEN 0 50 192.0.2.7:5000 0.0.0.0:* users:(("python3",pid=30,fd=3))
LISTEN 0 50 127.0.0.1%lo:6443 0.0.0.0:*
`;

test('a port is taken when others listen where we would', () => {
  const topology = readTopology({ HOME: '/root' });
  const listeners = parseListeners(text);
  expect(listeners).toHaveLength(4);
  expect(takenPorts(topology, listeners, new Set([10]))).toEqual([
    '6443 (kubeApi) by a program of another namespace',
    '8081 (repo) by java, pid 20',
  ]);
  const apart = { ...topology, isEmbedded: false, servesPackages: false };
  expect(takenPorts(apart, listeners, new Set([10]))).toEqual([]);
  expect(takenPorts({ ...apart, host: '0.0.0.0' }, listeners, new Set([10]))).toEqual([
    '5000 (hub) by python3, pid 30',
  ]);
});
