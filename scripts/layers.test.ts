import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { findViolations, violationsOf } from './layers.ts';

test('no room imports what the table forbids', async () => {
  expect(await findViolations(resolve(import.meta.dirname, '..'))).toEqual([]);
});

test.each([
  ['controllers/worker/main.ts', "import { build } from '@skyarc/controllers/chaos';"],
  ['controllers/worker/steps/apply.ts', "import { build } from '../../chaos/main.ts';"],
  ['server/apps/index.ts', "import { login } from '../accounts/index.ts';"],
  ['embedded/kubelet/pods.ts', "import { openDataCenterDatabase } from '@skyarc/prisma/datacenter';"],
  ['lib/errors/index.ts', "import { labels } from '@skyarc/lib/contracts';"],
  ['web/src/app/page.tsx', "import { AppError } from '@skyarc/lib/errors';"],
  ['controllers/monitor/main.ts', "import { createClient } from '@skyarc/sdk';"],
  ['controllers/worker/main.ts', "import { alertText } from '@skyarc/sdk/alerts';"],
  ['sdk/src/index.ts', "const errors = await import('@skyarc/lib/errors');"],
  ['novel/thing.ts', "import { z } from 'zod';"],
])('a forbidden import in %s is caught', (file, source) => {
  expect(violationsOf(file, source)).toHaveLength(1);
});

test.each([
  ['controllers/worker/main.ts', "import { sleep } from '@skyarc/lib/retry';"],
  ['server/apps/index.ts', "import type { Host } from '../host/index.ts';"],
  ['controllers/worker/main.ts', "import { apply } from './steps/apply.ts';"],
  ['controllers/monitor/watchdog.ts', "import { alertText } from '@skyarc/sdk/alerts';"],
])('an allowed import in %s passes', (file, source) => {
  expect(violationsOf(file, source)).toEqual([]);
});
