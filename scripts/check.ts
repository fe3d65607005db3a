/** Everything that is true of the tree without running it: format, lint, types, generated code, layers, dead code. */
import { resolve } from 'node:path';
import { run } from '@skyarc/lib/process';
import { findViolations } from './layers.ts';

const root = resolve(import.meta.dirname, '..');
const env = process.env as Record<string, string>;

interface Check {
  readonly name: string;
  /** Undefined when all is well, else what is wrong. */
  readonly find: () => Promise<string | undefined>;
}

function program(name: string, command: string, ...args: string[]): Check {
  return {
    name,
    find: async () => {
      const { code, stdout, stderr } = await run(command, args, { cwd: root, env });
      return code === 0 ? undefined : `${stdout}${stderr}`.trimEnd();
    },
  };
}

const quiet = '--disable-warning=ExperimentalWarning';
const checks: readonly (readonly Check[])[] = [
  [
    program('types', process.execPath, 'node_modules/ts7/bin/tsc', '-p', 'tsconfig.json'),
    program(
      'types of the console',
      process.execPath,
      'node_modules/ts7/bin/tsc',
      '-p',
      'web/tsconfig.json',
      '--noEmit',
    ),
    program('dead code', 'knip'),
  ],
  [
    program('lint', 'oxlint', '--type-aware', '--deny-warnings'),
    program('format', 'prettier', '--check', '--log-level', 'warn', '.'),
    program('generated code', process.execPath, 'scripts/generate.ts', '--check'),
    program('migrations', process.execPath, quiet, 'prisma/migrate.ts', 'check'),
    {
      name: 'layers',
      find: async () => {
        const violations = await findViolations(root);
        const lines = violations.map(
          ({ file, imports, because }) => `${file} imports ${imports}: ${because}`,
        );
        return lines.length > 0 ? lines.join('\n') : undefined;
      },
    },
  ],
];

async function runAll(list: readonly Check[]): Promise<number> {
  let failed = 0;
  for (const { name, find } of list) {
    const began = Date.now();
    const problem = await find();
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    console.log(
      problem === undefined ? `  ✓  ${name}  ${seconds} s` : `  ✗  ${name}  ${seconds} s\n${problem}\n`,
    );
    if (problem !== undefined) failed += 1;
  }
  return failed;
}

const failures = await Promise.all(checks.map(runAll));
process.exitCode = failures.some((count) => count > 0) ? 1 : 0;
