import type { SkyarcClient } from '@skyarc/sdk';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import {
  type PrivateRegistry,
  startPrivateRegistry,
} from '../../../controllers/chaos/testkit/private-registry.ts';
import { removedByName } from '../../testkit/apps.ts';
import { type GitRepository, type GitServer, startGitServer } from '../../testkit/git-server.ts';
import { ask, finish, loginAsOwner, untilAnswers } from '../../testkit/session.ts';
import { pushShellImage } from '../../testkit/shell-image.ts';

// A stall of five services: two are built from its repository, three come from the team's private registry.
const world = inject('world');
const ports = { login: 21_101, push: 21_102 };
const names = ['stall', 'pricer', 'worker', 'cache', 'db'];
const host = `8080.stall.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let registry: PrivateRegistry;
let skyarc: SkyarcClient;
let teamId: string;

beforeAll(async () => {
  [git, registry] = await Promise.all([startGitServer(), startPrivateRegistry(ports)]);
  skyarc = await loginAsOwner(world);
  teamId = (await skyarc.teams.get(world.team)).id;
  const image = { url: `http://127.0.0.1:${ports.push}`, tag: '1' };
  await pushShellImage({
    ...image,
    repository: 'team/db',
    config: { user: '1000', entrypoint: served(5432), exposedPorts: [5432] },
    files: { 'www/cgi-bin/rows': cgi('test -z "$QUERY_STRING" || echo "$QUERY_STRING" >> /data/rows') },
  });
  await pushShellImage({
    ...image,
    repository: 'team/cache',
    config: { user: '1000', entrypoint: served(6379), exposedPorts: [6379] },
    files: { 'www/cgi-bin/hits': cgi('echo hit >> /data/rows') },
  });
  await pushShellImage({
    ...image,
    repository: 'team/worker',
    config: { user: '1000', entrypoint: ['/bin/sh', '-c'], cmd: ['echo no work; sleep 3600'] },
    files: {},
  });
});
afterAll(async () => {
  await removedByName(skyarc, world, ...names);
  for (const { id } of await skyarc.sources.registries(world.team)) await skyarc.sources.deleteRegistry(id);
  await Promise.all([git?.stop(), registry?.stop(), skyarc?.dispose()]);
});

/** Busybox' web server. */
function served(port: number): string[] {
  return ['/bin/busybox', 'httpd', '-f', '-p', String(port), '-h', '/www'];
}

/** A page that does something with `/data/rows` and says how many rows there are. */
function cgi(deed: string): string {
  return `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n${deed}\ncat /data/rows 2>/dev/null | wc -l\n`;
}

/** A web server in the Perl that every Debian base has; `answer` makes a page of what other services say. */
function perl(version: string, port: number, answer: string): Record<string, string> {
  return {
    Dockerfile: `FROM skyarc/base:bookworm\nCOPY server.pl /\nEXPOSE ${port}\nUSER 1000\nCMD ["perl", "/server.pl"]\n`,
    'server.pl': `use strict; use warnings; use IO::Socket::INET;
my $version = '${version}';
sub get { my ($url) = @_;
  my ($host, $port, $path) = $url =~ m{^http://([^:/]+):(\\d+)(/.*)$};
  my $to = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 5) or return "no $host";
  print $to "GET $path HTTP/1.0\\r\\nHost: $host\\r\\n\\r\\n"; local $/; my $all = <$to>;
  $all =~ s/^.*?\\r?\\n\\r?\\n//s; $all =~ s/\\s+$//; return $all }
my $server = IO::Socket::INET->new(Listen => 64, LocalAddr => '0.0.0.0', LocalPort => ${port}, ReuseAddr => 1) or die;
$SIG{TERM} = sub { exit 0 }; $SIG{PIPE} = 'IGNORE';
while (my $client = $server->accept) {
  my $lines = 0;
  while (my $line = <$client>) { last if $line =~ /^\\r?\\n$/; $lines++ }
  next if $lines == 0; # a probe: it connects and asks nothing
  my $page = ${answer};
  print $client "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: " . length($page) . "\\r\\n\\r\\n$page"; close $client }
`,
  };
}

const within = (folder: string, files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));

const compose = () =>
  `name: market
services:
  stall:
    build: ./web
    ports: ["8080:8080"]
    environment:
      PRICER: http://pricer:3000/
      CACHE: http://cache:6379/cgi-bin/hits
    depends_on: [pricer, cache]
  pricer:
    build: { context: ./api }
    expose: ["3000"]
    environment: { DB: "http://db:5432/cgi-bin/rows" }
    depends_on: { db: { condition: service_healthy } }
  db:
    image: \${REGISTRY}/team/db:1
    volumes: ["rows:/data"]
    stop_grace_period: 1s
    healthcheck:
      test: ["CMD", "/bin/wget", "-qO-", "http://127.0.0.1:5432/cgi-bin/rows"]
      interval: 1s
  cache:
    image: \${REGISTRY}/team/cache:1
    tmpfs: /data
    stop_grace_period: 1s
    sysctls: { net.core.somaxconn: 1024 }
  worker:
    image: \${REGISTRY}/team/worker:1
    command: ["while wget -qO- http://db:5432/cgi-bin/rows?made; do sleep 1; done"]
    depends_on: [db]
    stop_grace_period: 1s
volumes: { rows: {} }
`.replaceAll('\\$', '$');

const inputOf = () => ({
  groupId: world.groupId,
  compose: compose(),
  variables: [{ name: 'REGISTRY', value: registry.host }],
  source: { git: { url: repository.url, branch: 'main' } },
});

const page = `"$version " . get($ENV{PRICER}) . ", hit " . get($ENV{CACHE})`;
const price = `"price of " . (get($ENV{DB}) > 0 ? "some" : "no") . " rows"`;

test('a Compose file of five services is shown with what is said of each line, and nothing is made', async () => {
  repository = await git.create('market', {
    ...within('web', perl('v1', 8080, page)),
    ...within('api', perl('v1', 3000, price)),
  });
  const { apps, notes, ready } = await skyarc.imports.preview(inputOf());
  expect(notes.filter(({ level }) => level === 'ERROR')).toEqual([]);
  expect(ready).toBe(true);
  expect(apps.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  const order = apps.map(({ name }) => name);
  expect(order.indexOf('db')).toBeLessThan(order.indexOf('pricer'));
  expect(order.indexOf('pricer')).toBeLessThan(order.indexOf('stall'));
  const line = compose()
    .split('\n')
    .findIndex((text) => text.includes('sysctls'));
  expect(notes.find(({ message }) => message.includes('sysctls'))).toMatchObject({ line: line + 1 });
  expect(await skyarc.apps.list(world.team)).toEqual([]);
});

test('its private images need the credentials of the team', async () => {
  const source = { image: { reference: `${registry.host}/team/db:1` } };
  const stranger = await skyarc.sources.examine({ teamId, source });
  expect(stranger.message).toMatch(/give the team credentials for 127\.0\.0\.1/);
  const { host: place, username, password } = registry;
  await skyarc.sources.saveRegistry({ teamId, host: place, username, password });
  expect(await skyarc.sources.examine({ teamId, source })).toMatchObject({ status: 'SUCCEEDED' });
});

test('all five are made, run, and work together behind the address of one', async () => {
  await removedByName(skyarc, world, ...names);
  const { apps, operations } = await skyarc.imports.create(inputOf());
  expect(operations).toHaveLength(5);
  await Promise.all(operations.map(({ id }) => finish(skyarc, id)));
  await untilAnswers(world, host, 'v1 price of some rows, hit ');
  const first = (await ask(world, host)).text;
  const second = (await ask(world, host)).text;
  const hits = [first, second].map((text) => Number(/hit (\d+)$/.exec(text)?.[1]));
  expect(hits[1]).toBe(hits[0]! + 1);
  const running = await pollUntil(
    async () => {
      const all = await Promise.all(apps.map(({ id }) => skyarc.apps.get(id)));
      return all.every(({ state }) => state === 'RUNNING') ? all : undefined;
    },
    { timeoutMs: 30_000, onTimeout: () => new Error('not all of them run') },
  );
  // What the file does not publish is not reached from outside, though images and Dockerfiles expose ports.
  const open = running.filter(({ ports: all }) => all.some(({ url }) => url));
  expect(open.map(({ name }) => name)).toEqual(['stall']);
  expect((await ask(world, `5432.db.${world.team}.${world.domain}`)).status).toBe(404);
});

test('one of them is built anew while the others go on', async () => {
  const all = await skyarc.apps.list(world.team);
  const stall = all.find(({ name }) => name === 'stall')!;
  const before = Number(/hit (\d+)$/.exec((await ask(world, host)).text)?.[1]);
  await repository.push('Better page', within('web', perl('v2', 8080, page)));
  await finish(skyarc, (await skyarc.apps.deploy(stall.id)).id);
  await untilAnswers(world, host, 'v2 price of some rows, hit ');
  // The cache has been there all the time.
  expect(Number(/hit (\d+)$/.exec((await ask(world, host)).text)?.[1])).toBeGreaterThan(before);
});
