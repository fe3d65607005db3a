import type { AppError } from '@skyarc/lib/errors';
import { expect, test } from 'vitest';
import { newTree } from '../testkit/tree.ts';
import { readProcfile } from './procfile.ts';
import { type Project, readProject } from './settings.ts';

/** What a shell, a program's options, a path or a log would stumble over. */
const evil = [
  '$(id)',
  '`id`',
  'a;id',
  'a|id',
  "a'b",
  'a"b',
  'a\nb',
  '--help',
  '-v/:/host',
  '../../etc/passwd',
  '/etc/passwd',
  '${IFS}',
  '\u202Ea',
  'a\u0000b',
];
type Read = (project: Project) => unknown;

/** Fields of skyarc.yml, and where what they say ends up: there as it is, or nowhere with a refusal. */
const fields: [string, (text: string) => object, Read][] = [
  ['dockerfile', (dockerfile) => ({ build: { dockerfile } }), ({ dockerfile }) => dockerfile],
  ['target', (target) => ({ build: { target } }), ({ target }) => target],
  ['documentRoot', (documentRoot) => ({ build: { documentRoot } }), ({ documentRoot }) => documentRoot],
  ['module', (module) => ({ build: { module } }), ({ module }) => module],
  ['build command', (command) => ({ build: { command } }), ({ buildCommand }) => buildCommand],
  ['build argument', (A) => ({ build: { args: { A } } }), ({ buildArgs }) => buildArgs['A']],
  ['build variable', (A) => ({ build: { env: { A } } }), ({ buildEnv }) => buildEnv['A']],
  ['start command', (command) => ({ run: { command } }), ({ run }) => run.processes['web']],
  ['process', (web) => ({ run: { processes: { web } } }), ({ run }) => run.processes['web']],
  ['variable', (A) => ({ run: { env: { A } } }), ({ run }) => run.env['A']],
  ['volume', (path) => ({ run: { volumes: [path] } }), ({ run }) => run.volumes[0]],
  ['health path', (healthPath) => ({ run: { healthPath } }), ({ run }) => run.healthPath],
];
/** Of these, nothing but a name or a path within the source comes through. */
const strict: Readonly<Record<string, RegExp>> = {
  dockerfile: /^(?!.*\.\.)[\w@+.][\w@+./ -]*$/,
  target: /^\w[\w.-]*$/,
  documentRoot: /^(?!.*\.\.)[\w@+.][\w@+./ -]*$/,
  volume: /^\/[^\0:,]+$/,
  'health path': /^\//,
};

test.each(fields)('skyarc.yml: %s is refused or means itself', async (name, say, read) => {
  for (const text of evil) {
    const tree = await newTree({ 'skyarc.yml': JSON.stringify(say(text)) });
    const found = await readProject(tree).then(read, (error: unknown) => error);
    if (found instanceof Error) {
      expect((found as AppError).code, text).toBe('INVALID');
      expect(found.message.length).toBeLessThan(600);
    } else if (strict[name]) expect(found).toMatch(strict[name]);
    else expect(found).toBe(text);
  }
});

test.each(['build.args', 'build.env', 'run.env'])(
  'skyarc.yml: no name in %s is more than a name',
  async (place) => {
    const [section = '', key = ''] = place.split('.');
    for (const text of [...evil, 'A=B', 'a b', '']) {
      const tree = await newTree({ 'skyarc.yml': JSON.stringify({ [section]: { [key]: { [text]: 'x' } } }) });
      await expect(readProject(tree), text).rejects.toMatchObject({ code: 'INVALID' });
    }
  },
);

test.each(['cmd', 'buildpath', 'language'])('rainbondfile: %s is refused or means itself', async (key) => {
  for (const text of evil) {
    const tree = await newTree({ rainbondfile: JSON.stringify({ [key]: text }) });
    const found = await readProject(tree).catch((error: unknown) => error);
    if (found instanceof Error) {
      expect((found as AppError).code, text).toBe('INVALID');
      continue;
    }
    const { run, module, buildpack } = found as Project;
    if (key === 'cmd') expect(run.processes['web']).toBe(text);
    if (key === 'buildpath') expect(module).toBe(text.replace(/^(?:\.\/)+|\/+$/g, ''));
    if (key === 'language') expect(buildpack).toBeNull();
  }
});

test('a Procfile is lines of a name and a command, and nothing else', async () => {
  for (const line of ['$(id): id', 'a b: id', 'a/b: id', ': id', 'web id', '--help'])
    await expect(readProcfile(await newTree({ Procfile: line }))).rejects.toMatchObject({ code: 'INVALID' });
  const texts = evil.filter((text) => !/[\n\0]/.test(text));
  const Procfile = texts.map((text, index) => `p${index}: ${text}`).join('\n');
  expect(Object.values(await readProcfile(await newTree({ Procfile })))).toEqual(texts);
});
