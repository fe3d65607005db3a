import { setLogLevel } from '@skyarc/lib/log';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import { createClient, type SkyarcClient } from '@skyarc/sdk';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Screen } from '../testkit/screen.ts';
import { password, TerminalWorld } from '../testkit/terminal-world.ts';

const waiting = ['node', '-e', 'setInterval(() => 0, 1000)'];
let world: TerminalWorld;
let ann: SkyarcClient;
let dev: SkyarcClient;
let viewer: SkyarcClient;
let stranger: SkyarcClient;
let appId: string;
let pod: string;
let devId: string;
let blueId: string;
const screens: Screen[] = [];

beforeAll(async () => {
  setLogLevel('error');
  world = await TerminalWorld.start({
    instance: 'hefb',
    basePort: 20_460,
    podCidr: '10.77.0.0/16',
    serviceCidr: '10.78.0.0/16',
    // One is reached straight, the other by the API: both ways keep every rule below.
    nearby: [0],
  });
  const claimed = await world.claim();
  ann = claimed.ann;
  for (const name of ['dev', 'vic', 'eve']) {
    const user = await ann.account.createUser({ name, email: `${name}@example.test`, password });
    if (name === 'dev') devId = user.id;
  }
  blueId = (await ann.teams.get('blue')).id;
  await ann.teams.setMember({ teamId: blueId, email: 'dev@example.test', role: 'DEVELOPER' });
  await ann.teams.setMember({ teamId: blueId, email: 'vic@example.test', role: 'VIEWER' });
  [dev, viewer, stranger] = (await Promise.all(
    ['dev', 'vic', 'eve'].map((name) => world.client(`${name}@example.test`)),
  )) as [SkyarcClient, SkyarcClient, SkyarcClient];
  await stranger.teams.create({ name: 'red' });
  ({ appId, pod } = await world.runApp('blue', claimed.groupId, waiting));
});
afterEach(() => {
  for (const screen of screens.splice(0)) screen.terminal.close();
});
afterAll(async () => {
  await Promise.all([ann, dev, viewer, stranger].map((one) => one?.dispose()));
  await world?.stop();
});

function open(client: SkyarcClient, start: Partial<ConstructorParameters<typeof Screen>[1]> = {}): Screen {
  const screen = new Screen(client, { appId, ...start });
  screens.push(screen);
  return screen;
}

test('a developer finds pods and containers, types, and is listed', async () => {
  expect(await dev.terminals.targets(appId)).toMatchObject([
    { pod, containers: [{ name: 'app', kind: 'MAIN', running: true }] },
  ]);
  const screen = open(dev);
  await screen.shows('# ');
  screen.terminal.type('echo in-$((1+1))\r');
  await screen.shows('in-2');
  screen.terminal.type('exit\r');
  expect(await screen.ends()).toMatchObject({ end: 'EXITED' });
  const { items } = await dev.terminals.sessions(appId);
  expect(items[0]).toMatchObject({ actor: 'dev@example.test', pod, container: 'app', command: ['sh'] });
});

test('viewers, strangers and other teams are refused everywhere', async () => {
  for (const client of [viewer, stranger]) {
    await expect(client.terminals.targets(appId)).rejects.toThrow();
    await expect(client.terminals.sessions(appId)).rejects.toThrow();
    const screen = open(client);
    expect(await screen.ends()).toMatchObject({ end: expect.stringMatching('REVOKED|FAILED') });
    expect(screen.bytes).toBe(0);
  }
  const screen = open(dev, { record: true });
  await screen.shows('# ');
  const id = screen.terminal.id ?? '';
  for (const client of [viewer, stranger]) {
    await expect(client.terminals.close(id)).rejects.toThrow();
    await expect(client.terminals.recording(id).next()).rejects.toThrow();
    await expect(client.terminals.deleteRecording(id)).rejects.toThrow();
  }
  // Another developer does not get into it either, though she may end it.
  const other = open(ann, { id });
  await other.until(
    () => other.events.some(({ type }) => type === 'restarted'),
    'it came back to another’s session',
  );
  expect(await ann.terminals.close(id)).toBe(true);
  expect(await screen.ends()).toMatchObject({ end: 'CLOSED' });
});

test('a grant is of no use to another login, from another page, or twice', async () => {
  let used: string[] = [];
  const spied = await world.client('dev@example.test');
  const openSocket = spied.openSocket.bind(spied);
  spied.openSocket = (path, protocols) => {
    used = protocols;
    return openSocket(path, protocols);
  };
  const screen = open(spied);
  await screen.shows('# ');
  const codeOf = (protocols: string[], headers: Record<string, string>): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${world.console.url.replace('http', 'ws')}/terminal`, protocols, {
        headers,
      });
      socket.on('close', resolve).on('error', () => undefined);
    });
  expect(await codeOf(used, {})).toBe(4401);
  expect(await codeOf(['v1.terminal.skyarc.dev'], {})).toBe(4400);
  expect(await codeOf(used, { origin: 'https://evil.example' })).toBe(1006);
  const again = ann.openSocket('/terminal', used);
  expect(await new Promise((resolve) => again.addEventListener('close', ({ code }) => resolve(code)))).toBe(
    4403,
  );
  const twice = openSocket('/terminal', used);
  expect(await new Promise((resolve) => twice.addEventListener('close', ({ code }) => resolve(code)))).toBe(
    4403,
  );
  await spied.dispose();
});

test('whoever loses the right is out within a second', async () => {
  let tokenId = '';
  const lose: Record<string, (client: SkyarcClient) => Promise<unknown>> = {
    role: () => ann.teams.setMember({ teamId: blueId, email: 'dev@example.test', role: 'VIEWER' }),
    membership: () => ann.teams.removeMember(blueId, devId),
    session: (client) => client.account.logout(),
    token: () => dev.account.revokeApiToken(tokenId),
  };
  for (const [what, act] of Object.entries(lose)) {
    await ann.teams.setMember({ teamId: blueId, email: 'dev@example.test', role: 'DEVELOPER' });
    let client = await world.client('dev@example.test');
    if (what === 'token') {
      await dev.account.createApiToken({ name: 'terminals' }).then(({ apiToken, secret: token }) => {
        tokenId = apiToken.id;
        client = createClient({ url: `${world.console.url}/graphql`, token });
      });
    }
    const screen = open(client);
    await screen.shows('# ');
    const from = performance.now();
    await act(client);
    expect(await screen.ends(), what).toMatchObject({ end: 'REVOKED' });
    expect(screen.endedAt - from, what).toBeLessThan(1_000);
    const { items } = await ann.terminals.sessions(appId, { first: 1 });
    expect(items[0]).toMatchObject({ actor: 'dev@example.test', end: 'REVOKED' });
    await client.dispose();
  }
  await ann.teams.setMember({ teamId: blueId, email: 'dev@example.test', role: 'DEVELOPER' });
});

test('a stopped instance is left for the other one', async () => {
  const first = open(dev);
  await first.shows('# ');
  const { items } = await dev.terminals.sessions(appId, { first: 1 });
  const instance = items[0]?.instance ?? '';
  const index = Number(instance.slice(-1));
  const stopped = world.webcli[index]?.stop();
  await first.until(
    () => first.events.filter(({ type }) => type === 'ready').length === 2,
    'it does not go on',
  );
  first.terminal.type('echo on-$((1))\r');
  await first.shows('on-1');
  await stopped;
  const now = await dev.terminals.sessions(appId, { first: 2 });
  expect(now.items.map((one) => [one.instance === instance, one.end])).toEqual([
    [false, null],
    [true, 'SHUT_DOWN'],
  ]);
  await world.startWebcli(index);
});

test('a broken line is mended without losing the screen', async () => {
  const sockets: WebSocket[] = [];
  const client = await world.client('dev@example.test');
  const openSocket = client.openSocket.bind(client);
  client.openSocket = (path, protocols) => {
    const socket = openSocket(path, protocols);
    sockets.push(socket as never);
    return socket;
  };
  const screen = open(client);
  await screen.shows('# ');
  screen.terminal.type('for i in 1 2 3 4 5 6 7 8; do echo tick-$i; sleep 0.2; done\r');
  await screen.shows('tick-2');
  sockets[0]?.close();
  await screen.until(() => screen.states.includes('lost'), 'it was not lost');
  await screen.shows('tick-8');
  expect(
    screen.text
      .match(/tick-\d/g)
      ?.slice(-8)
      .join(' '),
  ).toBe('tick-1 tick-2 tick-3 tick-4 tick-5 tick-6 tick-7 tick-8');
  expect(sockets).toHaveLength(2);
  await client.dispose();
});

test('a recording is read in pieces and removed by owners', async () => {
  const screen = open(dev, { record: true, command: ['seq', '1', '200000'] });
  await screen.ends();
  const id = screen.terminal.id ?? '';
  const pieces = await pollUntil(
    async () => {
      const read: string[] = await Array.fromAsync(dev.terminals.recording(id)).catch(() => []);
      return read.join('').includes(String.raw`200000\r\n`) ? read : undefined;
    },
    { timeoutMs: 30_000, onTimeout: () => new Error('the recording is never whole') },
  );
  expect(pieces.length).toBeGreaterThan(1);
  const shown = pieces
    .join('')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => (JSON.parse(line) as [number, string, string])[2]);
  expect(shown.join('')).toContain('199999\r\n200000\r\n');
  await expect(dev.terminals.deleteRecording(id)).rejects.toThrow('OWNER');
  expect((await ann.terminals.deleteRecording(id)).recordingBytes).toBeNull();
  await expect(dev.terminals.recording(id).next()).rejects.toThrow();
});

async function refused(start: object, reason: string): Promise<void> {
  const screen = open(dev, start);
  expect((await screen.ends()).message).toContain(reason);
}

test('a long paste arrives whole, though its echo floods the screen', async () => {
  const screen = open(dev);
  await screen.shows('# ');
  const line = `${'p'.repeat(99)}\n`;
  screen.terminal.type(
    'cat | node -e "let n=0;process.stdin.on(\\"data\\",d=>n+=d.length).on(\\"end\\",()=>console.log(\\"got-\\"+n))"\r',
  );
  await sleep(300);
  screen.terminal.type(line.repeat(6_000));
  screen.terminal.type('\u0004');
  await screen.shows('got-600000', 30_000);
});

test('bad input is refused with its reason', async () => {
  await refused({ pod: 'nothing' }, 'has no pod "nothing"');
  await refused({ container: 'nothing' }, 'has no container "nothing"');
  await refused({ command: ['a\0b'] }, 'NUL');
  await refused({ command: [''] }, 'begins with a program');
  await refused({ appId: 'local.app.aaaaaaaaaaaaaaaa' }, 'no such');
});
