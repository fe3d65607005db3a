import { expect, inject, test } from 'vitest';
import { Installation } from '../testkit/installation.ts';
import { killAtRandom } from './random-kills.ts';

test('a few kills at random moments of builds and deploys damage nothing [more: test/faults/kills.ts]', async () => {
  const seed = Date.now() % 1_000_000;
  const installation = new Installation(inject('installation'));
  const report = await killAtRandom(installation, inject('world'), { kills: 6, seed });
  expect(report.damage, `seed ${seed}`).toEqual([]);
  // Single kills fail none (kill.journey.test.ts); of several at once only that traffic goes on is asked.
  expect(report.failedRequests.length, report.failedRequests.join('\n')).toBeLessThan(report.requests / 20);
  expect(report.ended['SUCCEEDED'] ?? 0, report.reasons.join('\n')).toBeGreaterThan(0);
}, 600_000);
