/**
 * What is released, in `dist/`: the platform as an archive that starts with `npm start` (sources, which Node 24
 * runs as they are, with generated code and the built console), and the SDK as an npm package.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from '@skyarc/lib/process';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
const env = process.env as Record<string, string>;

/** Runs a program in the root; throws with its output when it fails. */
async function must(command: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { cwd: root, env, input, keepBytes: 8 << 20 });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
await rm(dist, { recursive: true, force: true });
await mkdir(dist);

const tracked = (await must('git', ['ls-files', '-z']))
  .split('\0')
  .filter((file) => file && !file.startsWith('test/'));
const made = (
  await must('git', [
    'ls-files',
    '-z',
    '--others',
    '--ignored',
    '--exclude-standard',
    '--',
    '**/generated/**',
    'web/out',
  ])
)
  .split('\0')
  .filter(Boolean);
const archive = join(dist, `skyarc-${version}.tar.gz`);
await must(
  'tar',
  ['--create', '--gzip', `--file=${archive}`, '--null', '--no-recursion', '--sort=name', '--files-from=-'],
  [...tracked, ...made].join('\0'),
);
console.log(`  ✓  ${archive}`);

await must('npm', ['run', 'build', '-w', 'sdk']);
await must('npm', ['pack', '-w', 'sdk', '--pack-destination', dist]);
console.log(`  ✓  ${join(dist, `skyarc-sdk-${version}.tgz`)}`);
