import { expect, test } from 'vitest';
import { anyFits, fitsGlob } from './globs.ts';

test.each<[string, string, boolean]>([
  ['main', 'main', true],
  ['main', 'main2', false],
  ['release/*', 'release/1.0', true],
  ['release/*', 'release/1.0/x', false],
  ['release/**', 'release/1.0/x', true],
  ['**', 'a/b', true],
  ['**/x', 'x', true],
  ['**/x', 'a/b/x', true],
  ['a/**/x', 'a/x', true],
  ['a/**/x', 'b/x', false],
  ['*.md', 'README.md', true],
  ['*.md', 'docs/README.md', false],
  ['**/*.md', 'docs/README.md', true],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['*a*b*c', 'xxaxxbxxc', true],
  ['*a*b*c', 'xxaxxbxx', false],
  ['[ab]', 'a', false],
])('%s for %s is %s', (pattern, path, fits) => {
  expect(fitsGlob(pattern, path)).toBe(fits);
});

test('exclusions, folders and hostile patterns', () => {
  expect(anyFits(['src/', '!src/docs/**'], ['src/a.ts'])).toBe(true);
  expect(anyFits(['src/', '!src/docs/**'], ['src/docs/a.md'])).toBe(false);
  expect(anyFits(['!**/*.md'], ['README.md'])).toBe(false);
  expect(anyFits(['!**/*.md'], ['README.md', 'x.ts'])).toBe(true);
  expect(anyFits(['/src/*'], ['src/a'])).toBe(true);
  expect(anyFits(['*a'.repeat(90)], ['a'.repeat(5_000) + 'b'])).toBe(false);
  expect(anyFits(['**/'.repeat(60) + 'x'], ['a/'.repeat(2_000) + 'b'])).toBe(false);
});
