/**
 * Runs all tests and closes with the line `N passed, N failed, N skipped`: the quick ones first, then those on
 * real engines beside the journeys through a whole installation, since both mostly wait.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  /** Times in ms since 1970. */
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
    /** Why the file could not even be loaded; empty else. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const root = resolve(import.meta.dirname, '..');

/** What took how long, in seconds. */
interface Duration {
  readonly name: string;
  readonly seconds: number;
}

/** Counts of one project; a run that left no report counts as one failure. */
async function runProject(project: string, filters: readonly string[], folder: string): Promise<Counts> {
  const began = Date.now();
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
  projects.push({ name: project, seconds: (Date.now() - began) / 1000 });
  const found: string[] = [];
  for (const { name, startTime, endTime, message, assertionResults } of report?.testResults ?? []) {
    const file = relative(root, name);
    files.push({ name: file, seconds: (endTime - startTime) / 1000 });
    if (message !== '') found.push(`${file}\n${message}`);
    for (const { fullName, status, failureMessages } of assertionResults)
      if (failureMessages.length > 0)
        (status === 'failed' ? found : secondTries).push(
          `${file} > ${fullName}\n${failureMessages.join('\n')}`,
        );
  }
  // An unhandled error, or an end by force, fails the run without a failed test.
  if (found.length === 0 && code !== 0)
    found.push(`${project}: ended with code ${code}; see its output above`);
  failures.push(...found);
  return {
    passed: report?.numPassedTests ?? 0,
    failed: found.length,
    skipped: report?.numPendingTests ?? 0,
  };
}

/** Stages one after the other; of one, the longest first, as many beside each other as there are lanes. */
const stages: readonly (readonly string[])[] = [
  ['unit'],
  [
    'system-worker',
    'journeys',
    'system-build',
    'system',
    'journeys-build',
    'journeys-faults',
    'system-watch',
    'journeys-apart',
  ],
];
/** They wait about as much as they work. */
const lanes = 4;

async function runStage(stage: readonly string[]): Promise<void> {
  const left = [...stage];
  const runLane = async (): Promise<void> => {
    for (let project = left.shift(); project; project = left.shift())
      counts.push(await runProject(project, filters, folder));
  };
  await Promise.all(Array.from({ length: lanes }, runLane));
}

const folder = await mkdtemp(join(tmpdir(), 'skyarc-test-'));
const filters = process.argv.slice(2);
const counts: Counts[] = [];
const projects: Duration[] = [];
const files: Duration[] = [];
const failures: string[] = [];
/** What passed only when it was tried once more. */
const secondTries: string[] = [];
try {
  for (const stage of stages) await runStage(stage);
} finally {
  await rm(folder, { recursive: true });
}
printLongest('projects', projects);
printLongest('files', files);
// Again, as the last that is read: the lanes' output is long, and mixed.
for (const test of secondTries) console.log(`\nPassed at the second try: ${test}`);
for (const failure of failures) console.log(`\nFailed: ${failure}`);
const total = (of: keyof Counts) => counts.reduce((sum, one) => sum + one[of], 0);
console.log(`\n${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') > 0 || total('passed') === 0 ? 1 : 0;

/** What keeps a run from being shorter. */
function printLongest(what: string, durations: readonly Duration[]): void {
  const longest = durations.toSorted((a, b) => b.seconds - a.seconds).slice(0, 12);
  console.log(`\nLongest ${what}:`);
  for (const { name, seconds } of longest) console.log(`${seconds.toFixed(0).padStart(6)} s  ${name}`);
}
