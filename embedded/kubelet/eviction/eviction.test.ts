import { expect, test } from 'vitest';
import type { Pod, PodContainer } from '../pod.ts';
import type { PodDiskUsage, VolumeUsage } from '../usage/disk.ts';
import { findOverLimit } from './limits.ts';
import { rankForEviction } from './ranking.ts';

function podOf(name: string, priority: number, memory?: string): Pod {
  const resources = memory === undefined ? {} : { requests: { memory } };
  return { metadata: { name }, spec: { priority, containers: [{ name: 'main', resources }] } };
}

test('who uses more than it asked for goes first, then who matters less, then who is furthest above', () => {
  const ranked = rankForEviction(
    [
      { pod: podOf('within', 0, '1Gi'), usedBytes: 2 ** 29 },
      { pod: podOf('important', 10), usedBytes: 2 ** 30 },
      { pod: podOf('small', 0), usedBytes: 2 ** 20 },
      { pod: podOf('large', 0), usedBytes: 2 ** 25 },
      { pod: podOf('system', 2_000_000_000), usedBytes: 2 ** 31 },
    ],
    'memory',
  );
  expect(ranked.map(({ pod }) => pod.metadata?.name)).toEqual(['large', 'small', 'important', 'within']);
});

const mebi = 2 ** 20;

function usageOf(
  containers: readonly PodContainer[],
  use: { rootBytes?: number; logBytes?: number; emptyDirBytes?: number; isMemory?: boolean },
): PodDiskUsage {
  const { rootBytes = 0, logBytes = 0, emptyDirBytes = 0, isMemory = false } = use;
  const volumes = [{ name: 'data', emptyDir: { sizeLimit: '2Mi' } }];
  const volume: VolumeUsage = {
    name: 'data',
    isMemory,
    usedBytes: emptyDirBytes,
    capacityBytes: 0,
    availableBytes: 0,
  };
  return {
    pod: { spec: { containers: [...containers], volumes } },
    containers: new Map(containers.map(({ name }) => [name, { rootBytes, logBytes }])),
    volumes: [volume],
    ephemeralBytes: containers.length * (rootBytes + logBytes) + (isMemory ? 0 : emptyDirBytes),
  };
}

const limited = (name: string): PodContainer => ({
  name,
  resources: { limits: { 'ephemeral-storage': '4Mi' } },
});

test.each<[string, PodDiskUsage, RegExp | undefined]>([
  ['nothing', usageOf([limited('a')], {}), undefined],
  [
    'an emptyDir',
    usageOf([{ name: 'a' }], { emptyDirBytes: 3 * mebi }),
    /EmptyDir volume "data" exceeds the limit "2Mi"/,
  ],
  [
    'a volume in memory, which bounds itself',
    usageOf([{ name: 'a' }], { emptyDirBytes: 3 * mebi, isMemory: true }),
    undefined,
  ],
  [
    'a log',
    usageOf([limited('a')], { rootBytes: 2 * mebi, logBytes: 3 * mebi }),
    /Container a exceeded .* limit "4Mi"/,
  ],
  [
    'all together',
    usageOf([limited('a'), limited('b')], { rootBytes: 3.5 * mebi, emptyDirBytes: 1.5 * mebi }),
    /total limit of containers 8388608/,
  ],
  [
    'no limit of one',
    usageOf([limited('a'), { name: 'b' }], { rootBytes: 3.9 * mebi, emptyDirBytes: mebi }),
    undefined,
  ],
])('over the limit: %s', (_, usage, expected) => {
  const message = findOverLimit(usage);
  if (expected === undefined) expect(message).toBeUndefined();
  else expect(message).toMatch(expected);
});
