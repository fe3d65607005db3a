import { expect, it } from 'vitest';
import { ruleIn, summaryIn } from './index.ts';

it('says what a default rule says in the language of the viewer', () => {
  const said = 'App shop (old) uses 97.2% of its memory';
  expect(summaryIn('zh', 'AppMemoryNearLimit', said)).toBe('应用 shop (old) 已使用其内存的 97.2%');
  expect(summaryIn('en', 'AppMemoryNearLimit', said)).toBe(said);
  expect(summaryIn('zh', 'AppErrors', '5% of the requests to app a$1 fail (5xx)')).toBe(
    '应用 a$1 有 5% 的请求失败（5xx）',
  );
});

it('leaves the words of own rules, also of one that is named as ours', () => {
  expect(summaryIn('zh', 'Orders', 'Too few orders')).toBe('Too few orders');
  expect(summaryIn('zh', 'AppSlow', 'Mine is slow')).toBe('Mine is slow');
  expect(summaryIn('zh', 'toString', '')).toBe('toString');
  expect(ruleIn('zh', 'Orders')).toBeNull();
  // Some begin and end with other words.
  expect(summaryIn('zh', 'AlertsSilent', 'Alerts are evaluated and delivered again (monitor-0)')).toBe(
    '告警恢复计算和送达（monitor-0）',
  );
});
