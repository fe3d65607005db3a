import type { FailureRule } from '../../explain.ts';

/** What Bundler says, in the words of explain.ts. */
export const failures: readonly FailureRule[] = [
  {
    pattern: /Failed to build gem native extension|mkmf\.rb can't find header files/,
    say: () => 'a gem must be compiled and could not be; use a release with a prebuilt one, or a Dockerfile',
  },
  {
    pattern: /Your Ruby version is (\S+), but your Gemfile specified (.+)/,
    say: (match) =>
      `the Gemfile asks for Ruby ${match[2]}, and there is ${match[1]}; ask for "~> 3.1", or use a Dockerfile`,
  },
  {
    pattern: /Your bundle only supports platforms/,
    say: () =>
      'Gemfile.lock is not for Linux; run bundle lock --add-platform x86_64-linux and commit Gemfile.lock',
  },
  {
    pattern: /(?:Could not find gem '([^']+)'|Could not find (\S+) in (?:any of the sources|locally|cached))/,
    say: (match) => `gem ${match[1] ?? match[2]} is in none of the sources; check its name and version`,
  },
];
