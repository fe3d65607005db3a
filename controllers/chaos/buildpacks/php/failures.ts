import type { FailureRule } from '../../explain.ts';

/** What Composer says, in the words of explain.ts. */
export const failures: readonly FailureRule[] = [
  {
    pattern:
      /lock file is not up to date with the latest changes in composer\.json[\s\S]*?(Required package|is not present)/,
    say: () => 'composer.lock and composer.json disagree; run composer update and commit composer.lock',
  },
  {
    pattern: /(?:Root composer\.json requires|- )\s*(ext-[\w-]+|php [^\n]*?) (?:but|->|is missing)/,
    say: (match) => `a package requires ${match[1]}, which is not here; change it in composer.json`,
  },
  {
    pattern: /Root composer\.json requires (\S+), it could not be found/,
    say: (match) => `package ${match[1]} does not exist in the Composer repositories; check its name`,
  },
];
