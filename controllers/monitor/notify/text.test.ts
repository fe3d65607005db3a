import { expect, test } from 'vitest';
import { type NotifiedAlert, tellIn } from './notification.ts';
import { markdownOf, textOf, titleOf } from './text.ts';

const startedAt = new Date('2026-01-02T03:04:05Z');
const alert = (changes: Partial<NotifiedAlert>): NotifiedAlert => ({
  isFiring: true,
  name: 'NodeNotReady',
  severity: 'CRITICAL',
  summary: 'Node one is not ready',
  labels: { alertname: 'NodeNotReady', node: 'one', severity: 'critical' },
  startedAt,
  endedAt: null,
  fingerprint: 'f',
  ...changes,
});
const own = alert({ name: 'Orders', severity: 'WARNING', summary: 'Too *few*\norders', labels: {} });

test('alerts are told in the language of who is told; words of own rules stay', () => {
  const alerts = [alert({}), own];
  const english = tellIn('en', { groupKey: 'g', alerts });
  expect(titleOf(english)).toBe('[CRITICAL] Node one is not ready and 1 more');
  expect(textOf(english).split('\n')).toEqual([
    'CRITICAL: Node one is not ready',
    'since 2026-01-02T03:04:05.000Z',
    '  alertname: NodeNotReady',
    '  node: one',
    '',
    'WARNING: Too *few* orders',
    'since 2026-01-02T03:04:05.000Z',
  ]);
  const chinese = tellIn('zh', { groupKey: 'g', alerts });
  expect(titleOf(chinese)).toBe('[严重] 节点 one 未就绪，另有 1 条');
  expect(textOf(chinese)).toContain('严重: 节点 one 未就绪\n开始于 2026-01-02T03:04:05.000Z\n');
  expect(markdownOf(chinese, 4_000)).toContain('- **警告** Too \\*few\\* orders');
});

test('an end is told as one', () => {
  const endedAt = new Date('2026-01-02T04:00:00Z');
  const notification = { groupKey: 'g', alerts: [alert({ isFiring: false, endedAt })] };
  expect(titleOf(tellIn('zh', notification))).toBe('[已恢复] 节点 one 未就绪');
  expect(textOf(tellIn('zh', notification))).toContain(
    '开始于 2026-01-02T03:04:05.000Z，结束于 2026-01-02T04:00:00.000Z',
  );
  expect(textOf(tellIn('en', notification))).toContain(' until 2026-01-02T04:00:00.000Z');
});
