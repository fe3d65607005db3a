/**
 * Runs all tests and closes with the line `N passed, N failed, N skipped`: the quick ones first, then those on
 * real engines beside the journeys through a whole installation, since both mostly wait.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const root = resolve(import.meta.dirname, '..');

/** Counts of one project; a run that left no report counts as one failure. */
async function runProject(project: string, filters: readonly string[], folder: string): Promise<Counts> {
  const file = join(folder, `${project}.json`);
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ];
  const child = spawn('vitest', [...args, '--passWithNoTests', ...filters], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise<number>((done) => child.once('close', (status) => done(status ?? 1)));
  const report = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as VitestReport,
    () => null,
  );
  const failed = report?.numFailedTests ?? 0;
  return {
    passed: report?.numPassedTests ?? 0,
    // A file that cannot even be loaded, or an unhandled error, fails the run without a failed test.
    failed: failed === 0 && code !== 0 ? Math.max(1, report?.numFailedTestSuites ?? 1) : failed,
    skipped: report?.numPendingTests ?? 0,
  };
}

/** Stages one after the other; the lanes of one beside each other; a lane's projects one after the other. */
const stages: readonly (readonly (readonly string[])[])[] = [
  [['unit']],
  [['journeys'], ['system'], ['system-worker', 'journeys-apart'], ['journeys-build', 'system-watch']],
];

async function runLane(projects: readonly string[]): Promise<void> {
  for (const project of projects) counts.push(await runProject(project, filters, folder));
}

const folder = await mkdtemp(join(tmpdir(), 'skyarc-test-'));
const filters = process.argv.slice(2);
const counts: Counts[] = [];
try {
  for (const stage of stages) await Promise.all(stage.map((lane) => runLane(lane)));
} finally {
  await rm(folder, { recursive: true });
}
const total = (of: keyof Counts) => counts.reduce((sum, one) => sum + one[of], 0);
console.log(`\n${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') > 0 || total('passed') === 0 ? 1 : 0;
