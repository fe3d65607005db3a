import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** The copy that Node itself resolves: by its `module` field Vite would load a second one. */
const resolve = {
  alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }],
};

/** Real engines on a busy machine now and then miss a moment: what fails is tried once more, and both tries are told. */
const retry = 1;
const neverTested = ['**/node_modules/**', '**/fixtures/**', '**/.next/**'];

/** Tests of single rooms on real engines, one file after the other. */
function engines(name: string, include: string[], exclude: string[] = []): TestProjectInlineConfiguration {
  return {
    resolve,
    test: {
      name,
      include,
      exclude: [...neverTested, ...exclude],
      pool: 'forks',
      fileParallelism: false,
      retry,
      testTimeout: 120_000,
      hookTimeout: 180_000,
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: ['{lib,prisma,server,controllers,embedded,sdk,scripts,web}/**/*.test.ts'],
          exclude: [...neverTested, '**/*.system.test.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: 20_000,
        },
      },
      engines('system', ['**/*.system.test.ts'], ['controllers/worker/**']),
      // By far the most of them, with ports of their own: they run beside the others.
      engines('system-worker', ['controllers/worker/**/*.system.test.ts']),
      {
        resolve,
        test: {
          name: 'journeys',
          include: ['test/{journeys,faults}/**/*.journey.test.ts'],
          globalSetup: ['test/testkit/journey-setup.ts'],
          pool: 'forks',
          fileParallelism: false,
          retry,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
