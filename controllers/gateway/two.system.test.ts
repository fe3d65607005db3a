import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'node:http';
import { setLogLevel } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayWorld } from './fixtures/world.ts';
import { start, stopNginx, type GatewayConfig, type RunningGateway } from './main.ts';

let world: GatewayWorld;
let second: RunningGateway;
let config: GatewayConfig;

beforeAll(async () => {
  setLogLevel('error');
  world = await GatewayWorld.start('hedt', 20_380, { syncEveryMs: 1_000 });
  config = {
    ...world.config,
    dataDir: `${world.config.dataDir}-2`,
    httpPort: 20_386,
    httpsPort: 20_387,
    statusPort: 20_388,
    h2cPort: 0,
  };
  second = await start(config);
  await world.app('app', (_, response) => response.end('app'));
});

afterAll(async () => {
  await second?.stop();
  await stopNginx(config);
  await world?.stop();
});

/** nginx's table as a gateway's admin socket shows it. */
function digest(dataDir: string): Promise<string> {
  return admin(dataDir, 'GET', '/digest');
}

function admin(dataDir: string, method: string, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const socketPath = join(dataDir, 'private', 'admin.sock');
    request({ socketPath, method, path }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end(body ? JSON.stringify(body) : undefined);
  });
}

test('two gateways hold the same, and one goes on without the other', async () => {
  await world.route('one', { host: 'one.test', service: 'app', policy: { compress: true } });
  await expect.poll(() => digest(config.dataDir)).toBe(await digest(world.config.dataDir));
  await second.stop();
  await world.route('two', { host: 'two.test', service: 'app' });
  expect((await world.ask('two.test')).body).toBe('app');
  second = await start(config);
  await expect.poll(() => digest(config.dataDir)).toBe(await digest(world.config.dataDir));
});

test('an edit by hand is repaired, of the memory and of the files; equal states write nothing', async () => {
  const before = await digest(world.config.dataDir);
  await admin(world.config.dataDir, 'POST', '/apply', {
    set: { 'h:one.test': '{"p":{}}', 'h:evil.test': '{"p":{"":[["x/x","default/app:80",0]]}}' },
    delete: ['h:two.test'],
  });
  expect((await world.ask('two.test')).status).toBe(404);
  await expect.poll(async () => (await world.ask('two.test')).body).toBe('app');
  expect((await world.ask('evil.test')).status).toBe(404);
  expect(await digest(world.config.dataDir)).toBe(before);
  const conf = join(world.config.dataDir, 'nginx.conf');
  const text = await readFile(conf, 'utf8');
  await writeFile(conf, text.replace('server_tokens off', 'server_tokens on'));
  await expect.poll(() => readFile(conf, 'utf8')).toBe(text);
  const { writes } = world.gateway.controller;
  await sleep(2_500);
  expect(world.gateway.controller.writes).toBe(writes);
});
