import { expect, it } from 'vitest';
import { bytes, cores, duration, memory, relativeTime, repositoryName } from './format.ts';

it('says how long something took', () => {
  expect([412, 9_949, 12_400, 185_000, 8_040_000].map(duration)).toEqual([
    '0.4 s',
    '9.9 s',
    '12 s',
    '3 min 05 s',
    '2 h 14 min',
  ]);
});

it('says sizes as people do', () => {
  expect([999, 74_200_000, 812_000_000].map(bytes)).toEqual(['999 B', '74.2 MB', '812 MB']);
  expect([512, 1_024, 1_536].map(memory)).toEqual(['512 MB', '1 GB', '1.5 GB']);
  expect([500, 1_250, 2_000].map(cores)).toEqual(['0.5', '1.25', '2']);
});

it('says when in both languages', () => {
  const now = Date.parse('2026-01-02T00:00:00.000Z');
  expect(relativeTime('2026-01-01T23:58:00.000Z', now, 'en')).toBe('2 min ago');
  expect(relativeTime('2026-01-01T23:58:00.000Z', now, 'zh')).toBe('2分钟前');
  expect(relativeTime('2026-01-02T00:00:01.000Z', now, 'en')).toBe('now');
});

it('names a repository whatever its address looks like', () => {
  expect(repositoryName('https://git.example.com/blue/shop.git')).toBe('blue/shop');
  expect(repositoryName('git@example.com:blue/shop.git')).toBe('blue/shop');
  expect(repositoryName('ssh://git@example.com:22/deep/blue/shop/')).toBe('blue/shop');
});
