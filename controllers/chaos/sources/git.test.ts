import { expect, test } from 'vitest';
import { resolveRelative } from './git.ts';

test.each([
  ['https://git.example/team/shop.git', '../lib.git', 'https://git.example/team/lib.git'],
  ['https://git.example/team/shop.git/', '../../other/lib.git', 'https://git.example/other/lib.git'],
  ['ssh://git@git.example:2222/team/shop.git', './lib', 'ssh://git@git.example:2222/team/shop.git/lib'],
  ['git@git.example:team/shop.git', '../lib.git', 'git@git.example:team/lib.git'],
  ['git@git.example:shop.git', '../lib.git', 'git@git.example:lib.git'],
  ['https://git.example/shop.git', '../../../../etc', 'https://git.example/etc'],
])('beside %s, %s is %s', (parent, relative, expected) => {
  expect(resolveRelative(parent, relative)).toBe(expected);
});
