import { job } from '@skyarc/lib/contracts';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespace, World } from '../fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await World.open({
    instance: 'hehj',
    basePort: 20_640,
    podCidr: '10.80.0.0/17',
    serviceCidr: '10.80.128.0/17',
  });
});
afterAll(() => world?.close());

const settings = (fields: object) => JSON.stringify(job.parse(fields));

test('a job runs when it is deployed and by hand; every run is remembered, also without its Job', async () => {
  const app = await world.newApp('once', 'console.log("did it")', {
    workload: 'JOB',
    job: settings({ keepSucceeded: 0 }),
  });
  const versionId = await world.newVersion(app, 1);
  const deployed = await world.act(app, 'UPGRADE', { versionId });
  expect(deployed).toMatchObject({ status: 'SUCCEEDED' });
  expect(deployed.message).toMatch(/^Run once-[a-z2-7]{10} succeeded after \d+ s$/);
  expect((await world.act(app, 'RUN')).status).toBe('SUCCEEDED');
  await expect
    .poll(() => runs(app))
    .toMatchObject([
      { trigger: 'MANUAL', status: 'SUCCEEDED' },
      { trigger: 'MANUAL', status: 'SUCCEEDED' },
    ]);
  expect((await world.act(app, 'CONFIGURE')).message).toBe('The settings are kept for the next run');
  await world.kube.delete('jobs', (await runs(app))[0]?.name ?? '', namespace);
  await sleep(1_000);
  expect((await runs(app)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
  expect((await world.act(app, 'DELETE')).status).toBe('SUCCEEDED');
});

test('a run that fails says why, and the job stays deployed', async () => {
  const script = 'console.log("Error: no table users");process.exit(4)';
  const app = await world.newApp('failing', script, { workload: 'JOB', job: settings({ retries: 0 }) });
  const versionId = await world.newVersion(app, 1);
  expect(await world.act(app, 'UPGRADE', { versionId })).toMatchObject({
    status: 'FAILED',
    message: 'The app exited with code 4; its last line was: Error: no table users',
  });
  await expect
    .poll(() => runs(app))
    .toMatchObject([{ status: 'FAILED', message: 'The app exited with code 4' }]);
  expect((await world.db.app.findUnique({ where: { id: app } }))?.currentVersionId).toBe(versionId);
  await world.db.app.update({
    where: { id: app },
    data: { command: JSON.stringify(['node', '-e', 'console.log("mended")']) },
  });
  expect((await world.act(app, 'RUN')).status).toBe('SUCCEEDED');
});

test('a run past its time, one that is canceled and one that a stop ends are over, and said to be', async () => {
  const app = await world.newApp('long', 'setInterval(()=>{},1000)', {
    workload: 'JOB',
    job: settings({ deadlineSeconds: 3 }),
  });
  const versionId = await world.newVersion(app, 1);
  const late = await world.act(app, 'UPGRADE', { versionId });
  expect(late).toMatchObject({ status: 'FAILED', message: 'The run did not end within its 3 s' });
  await world.db.app.update({ where: { id: app }, data: { job: settings({}) } });
  const canceled = await world.begin(app, 'RUN');
  await expect.poll(() => world.pods('long')).toHaveLength(1);
  await world.db.operation.update({ where: { id: canceled.id }, data: { cancelRequested: true } });
  expect((await world.ended(canceled.id)).status).toBe('CANCELED');
  await expect.poll(() => world.pods('long')).toHaveLength(0);
  await expect
    .poll(async () => (await runs(app)).map(({ message }) => message))
    .toEqual(['The run did not end within its 3 s', 'The run was ended before it was done']);

  // An operation that reaches its time leaves the run to itself; a stop ends it.
  const left = await world.begin(app, 'RUN');
  const soon = new Date(Date.now() + 17_000);
  await world.db.operation.update({ where: { id: left.id }, data: { deadlineAt: soon } });
  expect((await world.ended(left.id)).message).toMatch(/goes on; the history of runs will tell/);
  expect((await world.act(app, 'STOP')).message).toBe('The app is stopped');
  expect(await world.pods('long')).toEqual([]);
});

test('a schedule runs without anyone acting, is suspended by a stop, and can be run by hand', async () => {
  const app = await world.newApp('cron', 'console.log("tick")', {
    workload: 'CRON_JOB',
    job: settings({ schedule: '* * * * *' }),
  });
  const versionId = await world.newVersion(app, 1);
  expect((await world.act(app, 'UPGRADE', { versionId })).message).toBe(
    'Version 1 runs by its schedule "* * * * *"',
  );
  await expect
    .poll(() => runs(app), { timeout: 75_000 })
    .toMatchObject([{ trigger: 'SCHEDULE', status: 'SUCCEEDED' }]);
  expect((await world.act(app, 'STOP')).message).toBe('The app is stopped');
  expect((await world.kube.find('cronjobs', 'cron', namespace))?.spec?.suspend).toBe(true);
  expect((await world.act(app, 'RUN')).message).toMatch(/succeeded/);
  expect((await world.kube.find('cronjobs', 'cron', namespace))?.spec?.suspend).toBe(true);
  await world.kube.delete('cronjobs', 'cron', namespace);
  await expect.poll(async () => (await world.kube.find('cronjobs', 'cron', namespace)) !== null).toBe(true);
  expect((await world.act(app, 'DELETE')).status).toBe('SUCCEEDED');
  expect(await world.kube.find('cronjobs', 'cron', namespace)).toBeNull();
});

function runs(appId: string) {
  return world.db.jobRun.findMany({ where: { appId }, orderBy: { startedAt: 'asc' } });
}
