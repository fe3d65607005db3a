/**
 * What every npm script begins with. It needs nothing but the Node.js and npm of the machine (20 or newer),
 * brings everything else that the task wants, and hands over to Node 24. The second time it is quick.
 */
import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, missingPackages } from './setup/debian.mjs';
import { execute } from './setup/execute.mjs';
import { SetupError, step } from './setup/say.mjs';
import { digestOf, oncePer } from './setup/stamp.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const inRoot = (...parts) => join(root, ...parts);
const bin = inRoot('node_modules', '.bin');
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, NEXT_TELEMETRY_DISABLED: '1' };
const node24 = join(bin, 'node');
const stamps = inRoot('node_modules', '.skyarc');

async function installNpmPackages() {
  const digest = await digestOf([inRoot('package-lock.json')]);
  await oncePer(join(stamps, 'npm'), digest, () =>
    step('Installing npm packages', () =>
      execute('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd: root,
      }),
    ),
  );
}

async function installDebianPackages(forTests) {
  const missing = await missingPackages(forTests);
  if (missing.length === 0) return;
  await step(`Installing Debian packages: ${missing.join(' ')}`, () => installPackages(missing));
}

const isDocument = (path) => path.endsWith('.graphql') || path.endsWith('codegen.ts');

async function generateCode() {
  const schemas = ['schema', 'prisma', 'lib/contracts/proto', 'buf.gen.yaml', 'scripts/generate.ts'];
  const rooms = ['sdk', 'web', 'server', 'controllers'];
  const digest =
    (await digestOf(schemas.map((path) => inRoot(path)))) +
    (await digestOf(
      rooms.map((path) => inRoot(path)),
      isDocument,
    ));
  await oncePer(join(stamps, 'generated'), digest, () =>
    step('Generating code from the schemas', () =>
      execute(node24, ['scripts/generate.ts'], { cwd: root, env }),
    ),
  );
}

async function buildConsole() {
  const digest = await digestOf(
    ['web', 'sdk/src', 'schema/api.graphql', 'package-lock.json'].map((path) => inRoot(path)),
  );
  await oncePer(inRoot('web', 'out', '.digest'), digest, () =>
    step('Building the web console', () => execute('npm', ['run', 'build', '-w', 'web'], { cwd: root, env })),
  );
}

/** Replaces this process as far as a person can tell: same terminal, same signals, same exit status. */
async function handOver(args) {
  const child = spawn(node24, args, { cwd: root, env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? (signal ? 130 : 1))));
}

const tasks = {
  async start(args) {
    await Promise.all([
      installDebianPackages(false),
      installNpmPackages().then(generateCode).then(buildConsole),
    ]);
    return handOver([inRoot('scripts/skyarc.ts'), 'up', ...args]);
  },
  async dev(args) {
    await Promise.all([installDebianPackages(false), installNpmPackages().then(generateCode)]);
    return handOver([inRoot('scripts/skyarc.ts'), 'up', '--dev', ...args]);
  },
  async build() {
    await installNpmPackages();
    await generateCode();
    await buildConsole();
    return handOver(['scripts/release.ts']);
  },
  async test(args) {
    await Promise.all([
      installDebianPackages(true),
      installNpmPackages().then(generateCode).then(buildConsole),
    ]);
    return handOver(['scripts/test.ts', ...args]);
  },
  async check() {
    await installNpmPackages();
    await generateCode();
    return handOver(['scripts/check.ts']);
  },
  async bench(args) {
    await Promise.all([
      installDebianPackages(true),
      installNpmPackages().then(generateCode).then(buildConsole),
    ]);
    return handOver(['test/bench/main.ts', ...args]);
  },
};

const [name, ...args] = process.argv.slice(2);
try {
  process.exitCode = await tasks[name](args);
} catch (error) {
  console.error(error instanceof SetupError ? `\n${error.message}` : error);
  process.exitCode = 1;
}
