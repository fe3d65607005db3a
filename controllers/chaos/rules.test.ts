import { expect, test } from 'vitest';
import { explain } from './explain.ts';
import { findRule } from './rules.ts';
import { gitErrorOf } from './sources/git-errors.ts';

const limits = {
  memoryMb: 512,
  diskMb: 256,
  processes: 100,
  isOutOfMemory: false,
  isOutOfProcesses: false,
  isBuilderFull: false,
  isClosed: false,
};

test('the first rule that fits wins, and its words are shown as whole lines', () => {
  const rules = [{ pattern: /never/ }, { pattern: /b+\nc/ }, { pattern: /a/ }];
  expect(findRule(rules, ['xay', 'xbb', 'cz', 'd'])).toMatchObject({ rule: rules[1], proof: ['xbb', 'cz'] });
  expect(findRule(rules, ['a'])?.proof).toEqual(['a']);
  expect(findRule(rules, ['', 'xa'])?.proof).toEqual(['xa']);
  expect(findRule([{ pattern: /^first[\s\S]*last$/ }], ['first', '2', '3', '4', '5', 'last'])?.proof).toEqual(
    ['first', '2', '...', '5', 'last'],
  );
  expect(findRule(rules, ['z'])).toBeNull();
});

test('a failed command is explained with the lines that prove it', () => {
  const lines = ['added 3 packages', "Error: Cannot find module 'left-pad'", '    at Module._load', '}'];
  expect(explain({ label: 'npm run build', code: 1, lines, ...limits })).toEqual({
    message:
      "npm run build failed: module left-pad is missing; is it in package.json's dependencies, and committed?",
    proof: ["Error: Cannot find module 'left-pad'"],
  });
  expect(explain({ label: 'make', code: 2, lines: ['one', 'it failed here', 'bye'], ...limits })).toEqual({
    message: 'make failed with status 2: it failed here',
    proof: ['it failed here'],
  });
  expect(explain({ label: 'make', code: 137, lines: ['one'], ...limits, isOutOfMemory: true }).proof).toEqual(
    ['one'],
  );
  expect(explain({ label: 'make', code: 2, lines: [], ...limits })).toEqual({
    message: 'make failed with status 2',
    proof: [],
  });
});

test('a closed build that asks for more says who could let it', () => {
  const lines = ['curl: (7) Failed to connect to 192.0.2.1 port 80: No route to host'];
  const say = (isClosed: boolean) => explain({ label: 'RUN', code: 7, lines, ...limits, isClosed }).message;
  expect(say(true)).toMatch(/may not reach.*SKYARC_OPEN_BUILDS/);
  expect(say(false)).not.toMatch(/SKYARC_OPEN_BUILDS/);
  const names = ['fatal: unable to access: Could not resolve host: git.example.test'];
  expect(explain({ label: 'RUN', code: 7, lines: names, ...limits, isClosed: true }).message).toMatch(
    /asked for git\.example\.test, which this build may not reach/,
  );
});

test('a source that cannot be fetched says what its server said', () => {
  const stderr = "Cloning...\nfatal: repository 'https://example.test/a.git/' not found\n";
  const error = gitErrorOf({
    url: 'https://example.test/a.git',
    branch: 'main',
    hasCredentials: false,
    stderr,
  });
  expect(error).toMatchObject({
    code: 'NOT_FOUND',
    details: { proof: ["fatal: repository 'https://example.test/a.git/' not found"] },
  });
});
