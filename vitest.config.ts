import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration as Inline } from 'vitest/config';

/** The copy that Node itself resolves: by its `module` field Vite would load a second one. */
const resolve = {
  alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }],
};

/** Real engines on a busy machine now and then miss a moment: what fails is tried once more, and both tries are told. */
const retry = 1;
const neverTested = ['**/node_modules/**', '**/fixtures/**', '**/.next/**'];

/** Tests of single rooms on real engines, one file after the other. */
function engines(name: string, include: string[], exclude: string[] = []): Inline {
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

const apart = 'test/journeys/external-cluster.journey.test.ts';

/** Stories of users, one file after the other. */
function journeys(name: string, files: Inline['test']): Inline {
  return {
    resolve,
    test: {
      name,
      pool: 'forks',
      fileParallelism: false,
      retry,
      testTimeout: 300_000,
      hookTimeout: 300_000,
      ...files,
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
      journeys('journeys', {
        include: ['test/{journeys,faults}/**/*.journey.test.ts'],
        exclude: [...neverTested, apart],
        globalSetup: ['test/testkit/journey-setup.ts'],
      }),
      // With an installation of its own, so that it can run beside the others.
      journeys('journeys-apart', { include: [apart] }),
    ],
  },
});
