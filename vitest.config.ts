import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration as Inline } from 'vitest/config';

/** The copy that Node itself resolves: by its `module` field Vite would load a second one. */
const resolve = {
  alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }],
};

const neverTested = ['**/node_modules/**', '**/fixtures/**', '**/.next/**'];

interface EngineFiles {
  readonly include: string[];
  readonly exclude?: string[];
  readonly globalSetup?: string;
  /** Of one test, and of what is before and after all of a file. */
  readonly timeoutMs?: number;
}

/** Tests on real engines, one file after the other; with ports of their own, so that projects run beside each other. */
function engines(name: string, files: EngineFiles): Inline {
  const { include, exclude = [], globalSetup = [], timeoutMs = 180_000 } = files;
  return {
    resolve,
    test: {
      name,
      include,
      exclude: [...neverTested, ...exclude],
      globalSetup,
      pool: 'forks',
      fileParallelism: false,
      // A busy machine now and then misses a moment: what fails is tried once more, and both tries are told.
      retry: 1,
      // What is waited for comes late there, too; a second is the default.
      expect: { poll: { timeout: 30_000 } },
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
    },
  };
}

const worker = 'controllers/worker/**/*.system.test.ts';
const watch = 'controllers/{mq,eventlog,monitor,node}/**/*.system.test.ts';
const build = '{controllers/{chaos,hub,repo},test/builds}/**/*.system.test.ts';
const story = { timeoutMs: 300_000, globalSetup: 'test/testkit/journey-setup.ts' };
const buildStories = 'test/journeys/build/**/*.journey.test.ts';
/** Through installations of their own. */
const apart = 'test/journeys/{external-cluster,three-of-each}.journey.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: ['{lib,prisma,server,controllers,embedded,sdk,scripts,web,test/testkit}/**/*.test.ts'],
          exclude: [...neverTested, '**/*.system.test.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: 20_000,
        },
      },
      engines('system', { include: ['**/*.system.test.ts'], exclude: [worker, watch, build] }),
      engines('system-worker', { include: [worker] }),
      engines('system-watch', { include: [watch] }),
      engines('system-build', { include: [build] }),
      // Stories of users, each project through an installation of its own.
      engines('journeys', {
        ...story,
        include: ['test/journeys/**/*.journey.test.ts'],
        exclude: [buildStories, apart],
      }),
      engines('journeys-build', { ...story, include: [buildStories] }),
      engines('journeys-faults', { ...story, include: ['test/faults/**/*.journey.test.ts'] }),
      engines('journeys-apart', { include: [apart], timeoutMs: story.timeoutMs }),
    ],
  },
});
