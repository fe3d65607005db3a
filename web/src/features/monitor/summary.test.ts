import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { alertText } from './alert-text.ts';
import { ruleIn, summaryIn } from './summary.ts';

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
});

it('knows every default rule by what it says', async () => {
  // Not an import: the console knows nothing of services, but its words are to be theirs.
  const defaults = join(import.meta.dirname, '../../../../controllers/monitor/rules/defaults.ts');
  const { defaultGroups } = (await import(pathToFileURL(defaults).href)) as {
    defaultGroups: { rules: { alert: string; summary: string }[] }[];
  };
  const said = defaultGroups
    .flatMap(({ rules }) => rules)
    .map(({ alert, summary }) => [alert, summary.replaceAll(/\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}/g, '{$1}')]);
  expect(Object.fromEntries(said)).toEqual(alertText.en);
});
