import type { SkyarcClient } from '@skyarc/sdk';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { changed, deployed, removed } from '../testkit/apps.ts';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitServer, startGitServer } from '../testkit/git-server.ts';
import { startLoad } from '../testkit/load.ts';
import { finish, loginAsOwner, untilAnswers } from '../testkit/session.ts';

const world = inject('world');
let git: GitServer;
let skyarc: SkyarcClient;

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
});
afterAll(async () => {
  await skyarc.dispose();
  await git.stop();
});

test('a rule by request rate adds pods under load and takes them away again, and says so', async () => {
  const id = await deployed(skyarc, world, {
    name: 'busy',
    source: (await git.create('busy', nodeApp('v1'))).url,
    settings: {
      run: {
        autoscaling: {
          minReplicas: 1,
          maxReplicas: 3,
          scaleDownDelaySeconds: 5,
          metrics: [{ kind: 'REQUEST_RATE', target: 20 }],
        },
      },
    },
  });
  const host = `8080.busy.${world.team}.${world.domain}`;
  await untilAnswers(world, host, 'v1');
  const untilPods = (wanted: number) =>
    pollUntil(async () => ((await skyarc.apps.get(id)).readyReplicas === wanted ? true : undefined), {
      timeoutMs: 150_000,
      everyMs: 1_000,
      onTimeout: () => new Error(`there are not ${wanted} pods`),
    });
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 80 });
  await untilPods(3);
  const { failures, sent } = await load.stop();
  expect(sent).toBeGreaterThan(100);
  expect(failures).toEqual([]);
  await untilPods(1);
  const records = await skyarc.apps.scalings(id);
  expect(records.every(({ automatic }) => automatic)).toBe(true);
  expect(records.at(-1)).toMatchObject({ fromReplicas: 1 });
  expect(records[0]).toMatchObject({ toReplicas: 1 });
  await removed(skyarc, id);
}, 400_000);

test('a scheduled job runs at its times and by hand, and its history tells how each run ended', async () => {
  const files = {
    'package.json': JSON.stringify({ name: 'report', version: '1.0.0', scripts: { start: 'node job.js' } }),
    'job.js': "console.log('the report is made'); process.exit(process.env.FAIL ? 3 : 0);",
  };
  const id = await deployed(skyarc, world, {
    name: 'report',
    source: (await git.create('report', files)).url,
    run: { workload: 'CRON_JOB', job: { schedule: '* * * * *', retries: 0 } },
  });
  await finish(skyarc, (await skyarc.apps.run(id)).id);
  const runs = (wanted: (list: Awaited<ReturnType<typeof skyarc.apps.jobRuns>>) => boolean) =>
    pollUntil(
      async () => {
        const list = await skyarc.apps.jobRuns(id);
        return wanted(list) ? list : undefined;
      },
      {
        timeoutMs: 100_000,
        everyMs: 1_000,
        onTimeout: () => new Error('the runs are not as they should be'),
      },
    );
  const seen = await runs((list) =>
    list.some(({ scheduled, status }) => scheduled && status === 'SUCCEEDED'),
  );
  expect(seen.some(({ scheduled, status }) => !scheduled && status === 'SUCCEEDED')).toBe(true);
  expect(seen.every(({ finishedAt, startedAt }) => finishedAt === null || finishedAt >= startedAt)).toBe(
    true,
  );
  const { run } = await skyarc.apps.settings(id);
  expect(Date.parse(run.job?.nextRunAt ?? '')).toBeGreaterThan(Date.now() - 5_000);
  await changed(skyarc, id, {
    env: [{ name: 'FAIL', value: 'yes' }],
    run: { job: { schedule: '* * * * *', retries: 0, suspended: true } },
  });
  const { status, message } = await skyarc.operations.wait((await skyarc.apps.run(id)).id);
  expect(status).toBe('FAILED');
  expect(message).toMatch(/3/);
  await runs((list) => list.some((one) => one.status === 'FAILED'));
  const { lines } = await skyarc.logs.read({ kind: 'APP', id }, { contains: 'the report is made' });
  expect(lines.length).toBeGreaterThanOrEqual(3);
  await removed(skyarc, id);
}, 300_000);

test('a team at its limit is refused clearly, and nothing is half-made', async () => {
  const team = await skyarc.teams.get(world.team);
  const id = await deployed(skyarc, world, {
    name: 'fits',
    source: (await git.create('fits', nodeApp('v1'))).url,
  });
  const [{ memoryMb, apps }] = (await skyarc.quotas.of(world.team)) as [
    Awaited<ReturnType<typeof skyarc.quotas.of>>[number],
  ];
  await skyarc.quotas.set({ teamId: team.id, memoryMb: memoryMb.used + 128, apps: apps.used });
  try {
    await expect(skyarc.apps.scale(id, 3)).rejects.toMatchObject({
      code: 'EXHAUSTED',
      message: expect.stringMatching(/memory/i) as string,
    });
    expect((await skyarc.apps.get(id)).run.replicas).toBe(1);
    await expect(
      skyarc.apps.create({
        groupId: world.groupId,
        name: 'more',
        source: { template: 'hello-node' },
        deploy: false,
      }),
    ).rejects.toMatchObject({ code: 'EXHAUSTED' });
    expect((await skyarc.apps.list(world.team)).map(({ name }) => name)).not.toContain('more');
    await finish(skyarc, (await skyarc.apps.scale(id, 2)).id);
  } finally {
    await skyarc.quotas.set({ teamId: team.id, memoryMb: null, apps: null });
  }
  await removed(skyarc, id);
});
