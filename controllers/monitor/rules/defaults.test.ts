import { alertTexts } from '@skyarc/sdk/alerts';
import { expect, test } from 'vitest';
import { defaultGroups } from './defaults.ts';

test('what each default rule says can be told in every language', () => {
  const said = defaultGroups
    .flatMap(({ rules }) => rules)
    .map(({ alert, summary }) => [alert, summary.replaceAll(/\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}/g, '{$1}')]);
  expect(alertTexts.en).toMatchObject(Object.fromEntries(said));
  expect(Object.keys(alertTexts.zh)).toEqual(Object.keys(alertTexts.en));
});
