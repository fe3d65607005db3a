import { connect } from 'node:net';
import type { SkyarcClient } from '@skyarc/sdk';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { changed, deployed, removed } from '../testkit/apps.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { startLoad } from '../testkit/load.ts';
import { ask, finish, loginAsOwner, untilAnswers } from '../testkit/session.ts';

// A shop in Python and its Redis from Debian's package: what most apps are made of.
const world = inject('world');
const host = `8080.counter.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let redis: string;
let counter: string;

const redisImage = {
  Dockerfile: [
    'FROM skyarc/base:bookworm',
    'RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*',
    'RUN mkdir /data && chown 1000 /data',
    'EXPOSE 6379/tcp',
    'USER 1000',
    'CMD ["/bin/sh", "-c", "exec redis-server --bind 0.0.0.0 --dir /data --appendonly yes --requirepass $PASSWORD"]',
  ].join('\n'),
};

/** Counts its requests in Redis, and keeps a line for each in a shared folder. */
const counterApp = (version: string) => ({
  'requirements.txt': '',
  Procfile: 'web: python3 app.py\n',
  'app.py': `import http.server, os, signal, socket, socketserver, sys, threading

def redis(*words):
    with socket.create_connection((os.environ["DB_HOST"], int(os.environ["DB_PORT"])), 5) as one:
        def send(*parts):
            one.sendall(b"*%d\\r\\n" % len(parts) + b"".join(b"$%d\\r\\n%s\\r\\n" % (len(p), p) for p in map(str.encode, parts)))
            return one.recv(4096).decode()
        send("AUTH", os.environ["PASSWORD"])
        return send(*words).strip().lstrip(":+")

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        count = redis("PING") if self.path == "/healthy" else redis("INCR", "requests")
        with open("/files/log", "a") as log:
            log.write(self.path + "\\n")
        body = ("${version} %s %s %s\\n" % (os.environ["GREETING"], count, os.environ["DB_URL"])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = False
    request_queue_size = 128

server = Server(("0.0.0.0", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
`,
});

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
});
afterAll(async () => {
  await skyarc.dispose();
  await git.stop();
});

test('a database of a Debian package runs with a password, a folder of its own and a TCP port', async () => {
  const repo = await git.create('redis', redisImage);
  redis = await deployed(skyarc, world, {
    name: 'redis',
    source: repo.url,
    run: { workload: 'STATEFUL', memoryMb: 128, cpuMillis: 250 },
    env: [
      { name: 'PASSWORD', value: 'wrong-horse', secret: true, scope: 'BOTH' },
      { name: 'DB_URL', value: 'redis://${SKYARC_APP}:6379', scope: 'DEPENDENTS' },
    ],
    ports: [{ port: 6379, protocol: 'TCP', public: false, alias: 'DB' }],
    settings: {
      volumes: [{ name: 'data', kind: 'LOCAL', mountPath: '/data', sizeMb: 64 }],
      l4Routes: [{ port: 6379 }],
    },
  });
  const { l4Routes } = await skyarc.apps.get(redis);
  expect(l4Routes).toHaveLength(1);
  expect(await redisSays(l4Routes[0]!.listenPort, 'AUTH wrong-horse\r\nPING\r\n')).toMatch(/\+OK\s+\+PONG/);
});

test('an app is told where what it needs is, and what its group shares', async () => {
  repository = await git.create('counter', counterApp('v1'));
  counter = await deployed(skyarc, world, {
    name: 'counter',
    source: repository.url,
    run: { memoryMb: 128, cpuMillis: 500, replicas: 2 },
    settings: {
      dependencyIds: [redis],
      env: [{ name: 'GREETING', value: 'own' }],
      volumes: [{ name: 'files', kind: 'SHARED', mountPath: '/files', sizeMb: 64 }],
      run: { probes: { readiness: { kind: 'HTTP', path: '/healthy' } } },
    },
  });
  await untilAnswers(world, host, 'v1 own');
  expect((await ask(world, host)).text).toMatch(/^v1 own \d+ redis:\/\/redis:6379$/);
  // By its name: whom the pods asked can be looked at.
  const [dataCenter] = await skyarc.platform.dnsServers();
  const [names] = dataCenter?.clusterDns ?? [];
  expect(names?.problem).toBeNull();
  expect(names?.questions).toBeGreaterThan(0);

  const { configSet, operations } = await skyarc.configSets.save({
    groupId: world.groupId,
    name: 'words',
    entries: [
      { name: 'GREETING', value: 'shared' },
      { name: 'COLOUR', value: 'green' },
    ],
    appIds: [counter],
  });
  await Promise.all(operations.map(({ id }) => finish(skyarc, id)));
  const { effectiveEnv } = await skyarc.apps.settings(counter);
  const origins = new Map(effectiveEnv.map(({ name, origin }) => [name, origin]));
  // What is set on the app itself wins.
  expect(origins.get('GREETING')).toBe('APP');
  expect(origins.get('COLOUR')).toBe('CONFIG_SET');
  expect(origins.get('DB_HOST')).toBe('DEPENDENCY');
  await changed(skyarc, counter, { env: [] });
  await untilAnswers(world, host, 'v1 shared');
  await changed(skyarc, counter, { env: [{ name: 'GREETING', value: 'own' }] });
  const left = await skyarc.configSets.delete(configSet.id);
  await Promise.all(left.map(({ id }) => finish(skyarc, id)));
});

test('it is upgraded and rolled back under load without one failed request, and nothing is forgotten', async () => {
  await untilAnswers(world, host, 'v1 own');
  const before = Number((await ask(world, host)).text.split(' ')[2]);
  await repository.push('Second version', counterApp('v2'));
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 40 });
  await finish(skyarc, (await skyarc.apps.deploy(counter)).id);
  await untilAnswers(world, host, 'v2');
  await sleep(1000);
  const [, first] = await skyarc.apps.versions(counter);
  await finish(skyarc, (await skyarc.apps.rollback(counter, first!.id)).id);
  await untilAnswers(world, host, 'v1');
  await sleep(1000);
  const { failures, sent } = await load.stop();
  expect(failures).toEqual([]);
  expect(Number((await ask(world, host)).text.split(' ')[2])).toBeGreaterThan(before + sent);
});

test('a group stops and starts in the order of needs', async () => {
  const order = async (act: 'stop' | 'start') => {
    const begun = await skyarc.groups[act](world.groupId);
    const ended = await Promise.all(
      begun.filter(({ app }) => [redis, counter].includes(app?.id ?? '')).map(({ id }) => finish(skyarc, id)),
    );
    return ended.toSorted((a, b) => (a.finishedAt! < b.finishedAt! ? -1 : 1)).map(({ appName }) => appName);
  };
  expect(await order('stop')).toEqual(['counter', 'redis']);
  expect(await order('start')).toEqual(['redis', 'counter']);
  await untilAnswers(world, host, 'v1 own');
  await removed(skyarc, counter, redis);
});

/** What Redis answers to lines, through the gateway's TCP port. */
function redisSays(port: number, lines: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${lines}QUIT\r\n`));
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('end', () => resolve(text)).on('error', reject);
  });
}
