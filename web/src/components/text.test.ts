import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { defineMessages, translator } from './text.ts';
import type { Messages } from './text.ts';

const source = join(import.meta.dirname, '..');
const text = defineMessages(
  { pods: '{n} pod | {n} pods', by: 'by {who}' },
  { pods: '{n} 个实例', by: '由 {who}' },
);

it('chooses the form by number and puts in values', () => {
  const en = translator(text, 'en');
  expect([en('pods', { n: 1 }), en('pods', { n: 2 }), en('by', { who: 'Lin' })]).toEqual([
    '1 pod',
    '2 pods',
    'by Lin',
  ]);
  expect(translator(text, 'zh')('pods', { n: 2 })).toBe('2 个实例');
});

function valuesIn(message: string): string[] {
  return [...new Set(message.match(/\{\w+\}/g))].sort();
}

it('has every message in both languages, with the same values in them', async () => {
  const files: string[] = [];
  const catalogues = glob(['features/**/*text.ts', 'components/common-text.ts'], { cwd: source });
  for await (const file of catalogues) files.push(file);
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) {
    const module = (await import(pathToFileURL(join(source, file)).href)) as Record<
      string,
      Messages<Record<string, string>>
    >;
    for (const { en, zh } of Object.values(module)) {
      expect(Object.keys(zh)).toEqual(Object.keys(en));
      for (const [key, message] of Object.entries(en)) {
        expect(valuesIn(zh[key] ?? ''), `${file} ${key}`).toEqual(valuesIn(message));
        expect(zh[key]?.trim(), `${file} ${key}`).not.toBe('');
      }
    }
  }
});
