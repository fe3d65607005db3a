import { expect, inject, test } from 'vitest';
import { Installation } from '../testkit/installation.ts';
import { killAtRandom } from './random-kills.ts';

test('a few kills at random moments of builds and deploys damage nothing [more: test/faults/kills.ts]', async () => {
  const seed = Date.now() % 1_000_000;
  const installation = new Installation(inject('installation'));
  const report = await killAtRandom(installation, inject('world'), { kills: 6, seed });
  expect(report.damage, `seed ${seed}`).toEqual([]);
  expect(report.failedRequests, `seed ${seed}`).toEqual([]);
  expect(report.ended['SUCCEEDED'] ?? 0, report.reasons.join('\n')).toBeGreaterThan(2);
}, 600_000);
