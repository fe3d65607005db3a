import { defineConfig } from 'vitest/config';

const neverTested = ['**/node_modules/**', '**/fixtures/**', '**/.next/**'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{lib,prisma,server,controllers,embedded,sdk,scripts,web}/**/*.test.ts'],
          exclude: [...neverTested, '**/*.system.test.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['**/*.system.test.ts'],
          exclude: neverTested,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'journeys',
          include: ['test/{journeys,faults}/**/*.journey.test.ts'],
          globalSetup: ['test/testkit/journey-setup.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
