import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rig } from './testkit/rig.ts';
import { type GitServer, startGitServer } from './testkit/git-server.ts';

let rig: Rig;
let git: GitServer;
beforeAll(async () => {
  [rig, git] = await Promise.all([Rig.open(20_510), startGitServer(20_511)]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
});

const gitSource = (repository: string, more: { branch?: string; subdirectory?: string } = {}) =>
  ({ kind: 'GIT', url: `${git.url}/${repository}`, branch: 'main', ...more }) as const;

test('a template becomes an image', { timeout: 300_000 }, async () => {
  const app = await rig.newApp({ kind: 'TEMPLATE', template: 'hello-node' });
  const done = await rig.deploy(app);
  console.log(done.seconds, done.log, done.operation.steps, done.version);
  expect(done.build.status).toBe('SUCCEEDED');
});
test('node with dependency', { timeout: 300_000 }, async () => {
  const app = await rig.newApp({ kind: 'TEMPLATE', template: 'node-express-like' });
  for (const o of [{}, { noCache: true }, { noCache: true }, {}]) {
    const done = await rig.deploy(app, o);
    console.log(done.seconds, done.log, done.build.message, done.version);
  }
});
