import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusalOf, TestClient } from './data-center-client.ts';
import { type DataCenterWorld, startDataCenter } from './world.ts';

let world: DataCenterWorld;
let api: TestClient;
let appId: string;
const otherId = 'local.app.aaaaaaaaaaaaaaaa';

beforeAll(async () => {
  world = await startDataCenter(
    { etcd: 20_540, etcdPeer: 20_541, api: 20_542 },
    { l4Ports: { first: 20_000, last: 20_003 } },
  );
  api = new TestClient(world);
  appId = await api.createApp('shop', {
    ports: [{ port: 80 }, { port: 5432, protocol: 'TCP' }, { port: 53, protocol: 'UDP' }],
  });
});
afterAll(async () => {
  api?.close();
  await world?.stop();
});

const run = (settings: object) => ({ run: settings });
const probe = (fields: object) => run({ probes: { liveness: { kind: 'HTTP', ...fields } } });
const route = (fields: object) => ({ routes: [{ host: 'shop.example.test', port: 80, ...fields }] });
const policy = (fields: object) => route({ policy: fields });
const volume = (fields: object) => ({
  volumes: [{ name: 'data', kind: 'SHARED', mountPath: '/data', ...fields }],
});
const job = (fields: object) => run({ job: fields });
const cpu = [{ kind: 'CPU', target: 50 }];
const scaling = (fields: object) =>
  run({ autoscaling: { minReplicas: 1, maxReplicas: 2, metrics: cpu, ...fields } });

/** A change of an app, and what is said of it. */
const corpus: [object, string | RegExp][] = [
  [probe({ port: 0 }), /run\.probes\.liveness\.port: /],
  [
    probe({ path: 'healthz' }),
    'run.probes.liveness.path: A path begins with "/" and has no spaces or quotes',
  ],
  [probe({ path: '/a b' }), /run\.probes\.liveness\.path: /],
  [
    probe({ headers: [{ name: 'a b', value: '' }] }),
    /run\.probes\.liveness\.headers\.0\.name: is not the name/,
  ],
  [
    probe({ headers: [{ name: 'A', value: 'a\r\nB: c' }] }),
    /headers\.0\.value: A header value has no control/,
  ],
  [probe({ kind: 'COMMAND' }), 'run.probes.liveness.command: A COMMAND probe needs a command'],
  [probe({ kind: 'COMMAND', command: [] }), /run\.probes\.liveness\.command: /],
  [probe({ kind: 'COMMAND', command: ['a\0'] }), /command\.0: An argument has no NUL/],
  [probe({ periodSeconds: 0 }), 'run.probes.liveness.periodSeconds: At least 1 seconds'],
  [probe({ timeoutSeconds: 601 }), 'run.probes.liveness.timeoutSeconds: At most 600 seconds'],
  [probe({ initialDelaySeconds: -1 }), /run\.probes\.liveness\.initialDelaySeconds: /],
  [probe({ failureThreshold: 0 }), /run\.probes\.liveness\.failureThreshold: /],
  [probe({ successThreshold: 2 }), /run\.probes\.liveness\.successThreshold: The successThreshold/],
  [run({ placement: { nodes: [{ key: 'a b' }] } }), /run\.placement\.nodes\.0\.key: is not a label key/],
  [
    run({ placement: { nodes: [{ key: 'a', values: ['x y'] }] } }),
    /placement\.nodes\.0\.values\.0: is not a label value/,
  ],
  [run({ placement: { nearApps: ['Shop'] } }), /run\.placement\.nearApps\.0: An app name begins/],
  [
    run({ placement: { labels: [{ key: 'skyarc.dev/app-id', value: 'x' }] } }),
    /run\.placement\.labels: Labels of Skyarc/,
  ],
  [
    run({ placement: { labels: [{ key: 'x', value: 'a b' }] } }),
    /run\.placement\.labels\.x: is not a label value/,
  ],
  [
    run({ rollout: { maxSurge: 'many' } }),
    'run.rollout.maxSurge: is not a number or percentage such as 1 or 25%',
  ],
  [
    run({ rollout: { maxSurge: '0', maxUnavailable: '0%' } }),
    /run\.rollout\.maxSurge: maxSurge and maxUnavailable cannot both be 0/,
  ],
  [
    run({ rollout: { terminationGraceSeconds: 0 } }),
    'run.rollout.terminationGraceSeconds: At least 1 seconds',
  ],
  [run({ replicas: 51 }), 'run.replicas: At most 50 pods'],
  [run({ cpuMillis: 1 }), 'run.cpuMillis: CPU of a pod is at least 10'],
  [run({ cpuRequestMillis: -1 }), 'run.cpuRequestMillis: Reserved CPU is at least 0'],
  [run({ cpuRequestMillis: 600 }), 'run.cpuRequestMillis: 600 is more than the limit of 500'],
  [run({ memoryRequestMb: 513 }), 'run.memoryRequestMb: 513 is more than the limit of 512'],
  [run({ workload: 'CRON_JOB' }), 'run.job.schedule: A CRON_JOB needs a schedule'],
  [job({ schedule: '* * * *' }), /run\.job\.schedule: is not a schedule/],
  [job({ schedule: '61 * * * *' }), /run\.job\.schedule: is not a schedule/],
  [job({ schedule: '0 0 30 2 *' }), /run\.job\.schedule: is not a schedule/],
  [job({ schedule: '* * * * * *' }), /run\.job\.schedule: is not a schedule/],
  [job({ schedule: '$(id) * * * *' }), /run\.job\.schedule: is not a schedule/],
  [job({ timeZone: 'Mars/Olympus' }), 'run.job.timeZone: is not a time zone such as Europe/Berlin'],
  [job({ completions: 0 }), /run\.job\.completions: /],
  [job({ parallelism: 101 }), /run\.job\.parallelism: /],
  [job({ retries: -1 }), /run\.job\.retries: /],
  [job({ deadlineSeconds: 0 }), 'run.job.deadlineSeconds: At least 1 seconds'],
  [job({ keepFailed: 51 }), /run\.job\.keepFailed: /],
  [scaling({ minReplicas: 3 }), 'run.autoscaling.minReplicas: minReplicas is at most maxReplicas'],
  [scaling({ maxReplicas: 101 }), /run\.autoscaling\.maxReplicas: /],
  [scaling({ metrics: [] }), 'run.autoscaling.metrics: At least one metric'],
  [scaling({ metrics: [...cpu, ...cpu] }), 'run.autoscaling.metrics: A metric appears twice'],
  [scaling({ metrics: [{ kind: 'CPU', target: 0 }] }), /run\.autoscaling\.metrics\.0\.target: /],
  [scaling({ scaleDownDelaySeconds: -1 }), /run\.autoscaling\.scaleDownDelaySeconds: /],
  [{ ports: [{ port: 80, alias: 'db' }] }, /ports\.0\.alias: A port alias has A-Z/],
  [
    {
      ports: [
        { port: 80, alias: 'A' },
        { port: 81, alias: 'A' },
      ],
    },
    'ports.1.alias: An alias appears twice',
  ],
  [{ ports: [{ port: 80 }, { port: 80 }] }, 'ports.1: A port appears twice'],
  [{ env: [{ name: 'A' }, { name: 'A' }] }, 'env.1: A name appears twice'],
  [route({ host: 'shop' }), 'routes.0.host: is not a host name such as shop.example.com'],
  [
    route({ host: 'a.skyarc.localhost' }),
    /routes\.0\.host: hosts below skyarc\.localhost are given by Skyarc/,
  ],
  [route({ host: '*.skyarc.localhost' }), /routes\.0\.host: hosts below/],
  [route({ path: 'x' }), /routes\.0\.path: A path begins with "\/"/],
  [route({ path: '/a;}' }), /routes\.0\.path: /],
  [route({ path: '/(a', policy: { pathType: 'REGEX' } }), 'routes.0.path: is not a valid regular expression'],
  [route({ path: '/(?=a)', policy: { pathType: 'REGEX' } }), /routes\.0\.path: A pattern has no look-around/],
  [
    route({ port: 5432 }),
    'routes: route shop.example.test/ leads to port 5432, which is no HTTP port of the app',
  ],
  [route({ id: 'local.route.aaaaaaaaaaaaaaaa' }), 'routes.0.id: the app has no such route'],
  [
    route({ certificateId: 'local.certificate.aaaaaaaaaaaaaaaa' }),
    'routes.0.certificateId: the team has no such certificate',
  ],
  [route({ basicAuth: [{ name: 'a:b', password: 'x' }] }), /routes\.0\.basicAuth\.0\.name: A user name/],
  [route({ basicAuth: [{ name: 'ann' }] }), 'routes.0.basicAuth.0.password: A new user needs a password'],
  [
    route({ basicAuth: [{ name: 'ann', password: 'x'.repeat(73) }] }),
    /basicAuth\.0\.password: A password has at most 72 bytes/,
  ],
  [
    { routes: [...route({}).routes, ...route({}).routes] },
    'routes.1: shop.example.test/ appears twice under the same conditions',
  ],
  [
    policy({ match: { headers: [{ name: 'a b', value: 'x' }] } }),
    /routes\.0\.policy\.match\.headers\.0\.name: A header name/,
  ],
  [
    policy({ match: { headers: [{ name: 'A', op: 'EXACT' }] } }),
    'routes.0.policy.match.headers.0.value: EXACT needs a value',
  ],
  [
    policy({ match: { cookies: [{ name: 'a', op: 'PRESENT', value: 'x' }] } }),
    /match\.cookies\.0\.value: PRESENT has no value/,
  ],
  [
    policy({ match: { query: [{ name: 'a', op: 'REGEX', value: '(' }] } }),
    /match\.query\.0\.value: is not a valid/,
  ],
  [policy({ split: { targets: [] } }), 'routes.0.policy.split.targets: A split needs a target'],
  [
    policy({ split: { targets: [{ appId: otherId, port: 80 }] } }),
    'routes.0.policy.split.targets.0.appId: the team has no such app',
  ],
  [
    policy({ rewrite: { kind: 'PREFIX', replacement: 'x' } }),
    /routes\.0\.policy\.rewrite\.replacement: A path begins/,
  ],
  [policy({ rewrite: { kind: 'REGEX', replacement: '/x' } }), /routes\.0\.policy\.rewrite\.pattern: /],
  [policy({ redirect: { status: 200 } }), /routes\.0\.policy\.redirect\.status: /],
  [policy({ redirect: { host: 'a b' } }), /routes\.0\.policy\.redirect\.host: /],
  [
    policy({ requestHeaders: { set: [{ name: 'Host', value: 'x' }] } }),
    /requestHeaders\.set\.0\.name: "Host" is managed by the gateway/,
  ],
  [
    policy({ responseHeaders: { add: [{ name: 'A', value: 'a\r\nb' }] } }),
    /responseHeaders\.add\.0\.value: A header value/,
  ],
  [policy({ upstreamHost: 'x;y' }), /routes\.0\.policy\.upstreamHost: /],
  [policy({ timeouts: { readSeconds: 0 } }), 'routes.0.policy.timeouts.readSeconds: At least 0.1 seconds'],
  [policy({ maxBodyBytes: '-1' }), 'routes.0.policy.maxBodyBytes: is not a number of bytes'],
  [policy({ maxBodyBytes: '9999999999999' }), 'routes.0.policy.maxBodyBytes: At most 1 TiB'],
  [policy({ rateLimit: { requests: 0 } }), /routes\.0\.policy\.rateLimit\.requests: /],
  [
    policy({ rateLimit: { requests: 1, key: { by: 'HEADER' } } }),
    /rateLimit\.key: HEADER and COOKIE have a name/,
  ],
  [policy({ connectionLimit: { perIp: 0 } }), /routes\.0\.policy\.connectionLimit\.perIp: /],
  [
    policy({ ipAllow: ['10.0.0.0/33'] }),
    'routes.0.policy.ipAllow.0: is not an IP address or network such as 10.0.0.0/8',
  ],
  [policy({ ipDeny: ['any'] }), /routes\.0\.policy\.ipDeny\.0: /],
  [policy({ basicAuthRealm: 'a"b' }), /routes\.0\.policy\.basicAuthRealm: A realm has only/],
  [policy({ cors: {} }), 'routes.0.policy.cors: CORS needs an origin'],
  [policy({ cors: { origins: ['shop.test'] } }), /routes\.0\.policy\.cors\.origins\.0: An origin/],
  [policy({ cors: { origins: ['*'], credentials: true } }), /routes\.0\.policy\.cors\.credentials: /],
  [policy({ hsts: { maxAgeSeconds: -1 } }), /routes\.0\.policy\.hsts\.maxAgeSeconds: /],
  [policy({ stickySession: { cookieName: 'a b' } }), /routes\.0\.policy\.stickySession\.cookieName: /],
  [policy({ balance: { kind: 'HASH' } }), /routes\.0\.policy\.balance\.of: /],
  [policy({ retries: { tries: 6 } }), 'routes.0.policy.retries.tries: At most 5 tries'],
  [
    { l4Routes: [{ port: 80, listenPort: 19_999 }] },
    /l4Routes\.0\.listenPort: 19999 is not within the gateway's ports 20000 to 20003/,
  ],
  [{ l4Routes: [{ port: 53 }] }, /l4Routes: port 20000 leads to port 53, which is no TCP port/],
  [
    {
      l4Routes: [
        { port: 5432, listenPort: 20_001 },
        { port: 80, listenPort: 20_001 },
      ],
    },
    'l4Routes.1.listenPort: 20001 appears twice',
  ],
  [volume({ name: 'Data' }), /volumes\.0\.name: A volume name has only/],
  [volume({ mountPath: 'data' }), 'volumes.0.mountPath: is not an absolute path such as /data'],
  [volume({ mountPath: '/a/../b' }), 'volumes.0.mountPath: A path has no "." or ".." elements'],
  [volume({ mountPath: '/proc/self' }), 'volumes.0.mountPath: belongs to the system of the container'],
  [volume({ sizeMb: 0 }), 'volumes.0.sizeMb: A volume has at least 1 MB'],
  [volume({ content: 'x' }), 'volumes.0.content: a SHARED volume has none'],
  [volume({ kind: 'LOCAL' }), 'volumes.0.kind: Only a STATEFUL app has LOCAL volumes; use SHARED'],
  [
    volume({ kind: 'MEMORY', sizeMb: 1_024 }),
    'volumes: MEMORY volumes have 1024 MB together; the pod has 512 MB',
  ],
  [volume({ kind: 'CONFIG_FILE' }), 'volumes.0.content: A CONFIG_FILE needs a text'],
  [
    volume({ kind: 'CONFIG_FILE', content: 'x', fileMode: '999' }),
    'volumes.0.fileMode: is not a file mode such as 0644',
  ],
  [
    volume({ kind: 'CLASS', storageClass: 'none' }),
    'volumes.0.storageClass: the cluster has no storage class "none"',
  ],
  [volume({ kind: 'CLASS', accessMode: 'Any' }), 'volumes.0.accessMode: is ReadWriteOnce or ReadWriteMany'],
  [volume({ kind: 'APP' }), 'volumes.0.sourceId: An APP volume needs the volume that it shows'],
  [
    volume({ kind: 'APP', sourceId: 'local.volume.aaaaaaaaaaaaaaaa' }),
    'volumes.0.sourceId: no other app of the team has such a volume',
  ],
  [volume({ id: 'local.volume.aaaaaaaaaaaaaaaa' }), 'volumes.0.id: the app has no such volume'],
  [
    { volumes: [...volume({}).volumes, ...volume({ name: 'two' }).volumes] },
    'volumes.1: A mount path appears twice',
  ],
  [{ dependencyIds: [otherId] }, 'dependencyIds.0: the team has no such app'],
  [{ dependencyIds: ['x'] }, 'dependencyIds.0: is not an id of Skyarc'],
  [
    { plugins: [{ pluginId: 'local.plugin.aaaaaaaaaaaaaaaa' }] },
    'plugins.0.pluginId: the team has no such plug-in',
  ],
  [
    { source: { external: { endpoints: [{ host: 'db.test', port: 1 }] } } },
    /what is built cannot become a service outside/,
  ],
];

test.each(corpus.map(([input, message]) => [JSON.stringify(input).slice(0, 120), input, message] as const))(
  '%s',
  async (_name, input, message) => {
    const { message: said } = await refusalOf(api.update(appId, input));
    const expected = typeof message === 'string' ? `Cannot change app "shop": ${message}` : message;
    if (typeof expected === 'string') expect(said).toBe(expected);
    else expect(said).toMatch(expected);
  },
);

test('nothing of all that was stored', async () => {
  const app = await world.db.app.findUniqueOrThrow({
    where: { id: appId },
    include: { routes: true, volumes: true, l4Routes: true, ports: true, env: true },
  });
  expect(app).toMatchObject({
    revision: 1,
    probes: null,
    job: null,
    routes: [],
    volumes: [],
    l4Routes: [],
    env: [],
  });
  expect(app.ports).toHaveLength(3);
});

const others: [string, object, RegExp][] = [
  [
    'endpoints: none',
    { source: { external: { endpoints: [] } } },
    /source\.external\.endpoints: At least one endpoint/,
  ],
  [
    'endpoint: not a host',
    { source: { external: { endpoints: [{ host: 'a b', port: 1 }] } } },
    /endpoints\.0\.host: is not a host name/,
  ],
  [
    'endpoint: a port',
    { source: { external: { endpoints: [{ host: 'a', port: 0 }] } } },
    /endpoints\.0\.port: /,
  ],
  [
    'a workload of a service outside',
    { source: { external: { endpoints: [{ host: 'a', port: 1 }] } }, run: { workload: 'STATEFUL' } },
    /run\.workload: A service outside/,
  ],
  [
    'a job that scales',
    { run: { workload: 'JOB', autoscaling: { minReplicas: 1, maxReplicas: 2, metrics: cpu } } },
    /run\.autoscaling: A JOB has no autoscaling/,
  ],
];
test.each(others)('a new app with %s', async (_name, input, message) => {
  expect((await refusalOf(api.createApp('bad', input))).message).toMatch(message);
});

const mutations: [string, string, object, RegExp][] = [
  [
    'saveConfigSet',
    'ConfigSetInput',
    { groupId: 'g1', name: 'A', entries: [], appIds: [] },
    /name: A name has only/,
  ],
  [
    'saveConfigSet',
    'ConfigSetInput',
    { groupId: 'g1', name: 'a', entries: [{ name: 'A B', value: '' }], appIds: [] },
    /entries\.0\.name: An environment name/,
  ],
  [
    'saveConfigSet',
    'ConfigSetInput',
    { groupId: 'g1', name: 'a', entries: [{ name: 'A', secret: true }], appIds: [] },
    /entries\.0\.value: secret A has no value yet/,
  ],
  [
    'saveConfigSet',
    'ConfigSetInput',
    { groupId: 'g1', name: 'a', entries: [], appIds: [otherId] },
    /appIds\.0: the group has no such app/,
  ],
  [
    'saveConfigSet',
    'ConfigSetInput',
    { id: 'local.configset.aaaaaaaaaaaaaaaa', groupId: 'g1', name: 'a', entries: [], appIds: [] },
    /id: the group has no such configuration set/,
  ],
  [
    'savePlugin',
    'PluginInput',
    { name: 'a', kind: 'INIT', image: 'a b' },
    /image: is not an image reference/,
  ],
  [
    'savePlugin',
    'PluginInput',
    { name: 'a', kind: 'INIT', image: '--help' },
    /image: is not an image reference/,
  ],
  [
    'savePlugin',
    'PluginInput',
    { name: 'a', kind: 'INIT', image: `app:${otherId}` },
    /image: the team has no such app/,
  ],
  [
    'savePlugin',
    'PluginInput',
    { name: 'a', kind: 'INIT', image: 'a', fields: [{ name: 'a b' }] },
    /fields\.0\.name: has A-Z/,
  ],
  [
    'savePlugin',
    'PluginInput',
    { name: 'a', kind: 'INIT', image: 'a', memoryMb: 1 },
    /memoryMb: Memory of a plug-in is at least 16/,
  ],
  [
    'uploadCertificate',
    'CertificateInput',
    { name: 'a', chain: 'x', privateKey: 'x' },
    /chain: has no PEM certificate/,
  ],
  [
    'createApps',
    'CreateAppsInput',
    { groupId: 'g1', apps: [{ name: 'a', source: { template: 'x' }, dependsOn: ['nobody'] }] },
    /dependsOn: the team has no app "nobody"/,
  ],
  [
    'createApps',
    'CreateAppsInput',
    {
      groupId: 'g1',
      apps: [
        {
          name: 'a',
          source: { template: 'x' },
          volumes: [{ name: 'v', kind: 'APP', mountPath: '/v', sourceApp: 'b', sourceVolume: 'v' }],
        },
      ],
    },
    /volumes: app "b" has no volume "v"/,
  ],
  ['createApps', 'CreateAppsInput', { groupId: 'g1', apps: [] }, /apps: At least one app/],
  [
    'createApps',
    'CreateAppsInput',
    { groupId: 'g1', apps: [{ name: 'a', source: { template: 'x' }, run: { user: 'root' } }] },
    /apps\.0\.run\.user: /,
  ],
  [
    'createApps',
    'CreateAppsInput',
    { groupId: 'g1', apps: [{ name: 'a', source: { template: 'x' }, build: { dockerfile: '../x' } }] },
    /apps\.0\.build\.dockerfile: /,
  ],
  ['saveWebhook', 'WebhookInput', { appId: otherId, name: 'a', kind: 'GITHUB' }, /There is no such app/],
  ['setQuota', 'QuotaInput', { teamName: 'blue', apps: -1 }, /apps: /],
  ['setQuota', 'QuotaInput', { teamName: 'red', apps: 1 }, /there is no such team/],
  [
    'updateSettings',
    'DataCenterSettingsInput',
    { cpuRequestPercent: 101 },
    /cpuRequestPercent: The reserved share is 1 to 100/,
  ],
  [
    'updateSettings',
    'DataCenterSettingsInput',
    { acmeDirectoryUrl: 'ftp://a' },
    /acmeDirectoryUrl: is not an http or https address/,
  ],
  ['updateSettings', 'DataCenterSettingsInput', { acmeEmail: 'a' }, /acmeEmail: is not a mail address/],
];
test.each(mutations)('%s with a bad %s %o', async (field, type, input, message) => {
  const text = `mutation ($input: ${type}!) { ${field}(input: $input) { __typename } }`;
  expect((await refusalOf(api.ask(text, { input }))).message).toMatch(message);
});

test.each([
  [{ percent: 101 }, /percent: /],
  [{ percent: 1, replicas: 0 }, /replicas: /],
  [{ percent: 1, header: { name: 'x'.repeat(129), value: '' } }, /header\.name: /],
])('a grey release with %o', async (input, message) => {
  const text = `mutation ($input: GreyReleaseInput!) { startGreyRelease(id: "${appId}", versionId: "x", input: $input) { id } }`;
  expect((await refusalOf(api.ask(text, { input }))).message).toMatch(message);
});

test.each([
  [{ url: 'shop' }, /url: is not an address/],
  [{ url: 'http://a.test/', clientIp: 'x' }, /clientIp: is not an IP address/],
  [{ url: 'http://a.test/', method: 'get' }, /method: is not an HTTP method/],
])('a request to explain with %o', async (input, message) => {
  const text = 'query ($input: ExplainRequestInput!) { explainRequest(input: $input) { reasons } }';
  expect((await refusalOf(api.ask(text, { input }))).message).toMatch(message);
});

test.each([
  [['*.example.test'], /hosts\.0: http-01 proves no wildcard hosts/],
  [[], /hosts: At least one host/],
  [['a.example.test', 'a.example.test'], /hosts\.1: A host appears twice/],
])('an order for %o', async (hosts, message) => {
  const text = 'mutation ($hosts: [String!]!) { orderCertificate(name: "a", hosts: $hosts) { id } }';
  expect((await refusalOf(api.ask(text, { hosts }))).message).toMatch(message);
});
