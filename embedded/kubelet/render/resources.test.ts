import { expect, test } from 'vitest';
import type { PodSpec } from '../pod.ts';
import { renderPodResources, renderResources } from './resources.ts';

const cpuAndMemory = (cpu: string, memory: string) => ({
  limits: { cpu, memory },
  requests: { cpu, memory },
});
const mebi = 2 ** 20;

test.each<[string, PodSpec, ReturnType<typeof renderPodResources>]>([
  ['nothing asked for', { containers: [{ name: 'a' }] }, { cpuShares: 2 }],
  [
    'all bounded',
    {
      containers: [
        { name: 'a', resources: cpuAndMemory('500m', '64Mi') },
        { name: 'b', resources: cpuAndMemory('250m', '32Mi') },
      ],
    },
    { cpuShares: 768, cpuQuotaUs: 75_000, memoryBytes: (96 + 8) * mebi },
  ],
  [
    'one without a limit',
    { containers: [{ name: 'a', resources: cpuAndMemory('1', '64Mi') }, { name: 'b' }] },
    { cpuShares: 1024 },
  ],
  [
    'an init container beside the side-car before it',
    {
      initContainers: [
        { name: 'side', restartPolicy: 'Always', resources: cpuAndMemory('100m', '16Mi') },
        { name: 'init', resources: cpuAndMemory('2', '16Mi') },
      ],
      containers: [{ name: 'a', resources: cpuAndMemory('1', '64Mi') }],
    },
    { cpuShares: Math.floor(2.1 * 1024), cpuQuotaUs: 210_000, memoryBytes: (80 + 8) * mebi },
  ],
])('bounds of a pod: %s', (_, spec, expected) => {
  expect(renderPodResources({ spec })).toEqual(expected);
});

test('a container has its own shares, quota, limit and score', () => {
  const resources = { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '5m', memory: '2Gi' } };
  const container = { name: 'a', resources };
  expect(renderResources({ spec: { containers: [container] } }, container, 10 * 1024 * mebi)).toEqual({
    cpuPeriod: 100_000,
    cpuShares: 102,
    cpuQuota: 1_000,
    memoryLimitInBytes: 2 * 1024 * mebi,
    oomScoreAdj: 900,
  });
});
