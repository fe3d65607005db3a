/** Runs all tests, the quick ones first, and closes with the line `N passed, N failed, N skipped`. */
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

const root = resolve(import.meta.dirname, '..');

/** Counts of one project; a run that left no report counts as one failure. */
async function runProject(project: string, filters: readonly string[], folder: string) {
  const file = join(folder, `${project}.json`);
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ];
  const child = spawn('vitest', [...args, '--passWithNoTests', ...filters], { cwd: root, stdio: 'inherit' });
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

const folder = await mkdtemp(join(tmpdir(), 'skyarc-test-'));
const totals = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const project of ['unit', 'system', 'journeys']) {
    const counts = await runProject(project, process.argv.slice(2), folder);
    totals.passed += counts.passed;
    totals.failed += counts.failed;
    totals.skipped += counts.skipped;
  }
} finally {
  await rm(folder, { recursive: true });
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
