import { expect, test } from 'vitest';
import { type AppDraft, type Beside, parseCompose } from './index.ts';

/** One service `web` with these lines, on line 4 and below; `more` goes to the top level. */
function service(lines: string, more = '', beside: Beside = {}) {
  const indented = lines
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
  const result = parseCompose(`services:\n  web:\n    image: shop/web:1\n${indented}\n${more}`, beside);
  return { app: result.apps[0] as AppDraft, notes: result.notes };
}
const errorsOf = (notes: readonly { level: string; line: number | null; message: string }[]) =>
  notes.filter(({ level }) => level === 'ERROR').map(({ line, message }) => `${line}: ${message}`);
const env = (app: AppDraft) => Object.fromEntries(app.env.map(({ name, value }) => [name, value]));

test.each<[string, string[]]>([
  ['- "8080:80"', ['80 HTTP public']],
  ['- "80"', ['80 HTTP public']],
  ['- 3000', ['3000 HTTP public']],
  ['- "127.0.0.1:8080:80"', ['80 HTTP inner']],
  ['- "0.0.0.0:8080:80"', ['80 HTTP public']],
  ['- "[::1]:8080:80"', ['80 HTTP inner']],
  ['- "127.0.0.1::80"', ['80 HTTP inner']],
  ['- "5432:5432"', ['5432 TCP inner']],
  ['- "53:53/udp"', ['53 UDP inner']],
  ['- "9000-9002:3000-3002"', ['3000 HTTP public', '3001 HTTP public', '3002 HTTP public']],
  ['- "3000-3001"', ['3000 HTTP public', '3001 HTTP public']],
  ['- "80:80/tcp"\n- "8080:80"', ['80 HTTP public']],
  ['- target: 80\n  published: "8080"\n  protocol: tcp\n  mode: host', ['80 HTTP public']],
  ['- target: 9000\n  app_protocol: grpc', ['9000 GRPC public']],
  ['- target: 9000\n  app_protocol: postgres', ['9000 TCP inner']],
  ['- {target: 80, host_ip: 127.0.0.1, published: 80}', ['80 HTTP inner']],
])('ports: %s', (lines, expected) => {
  const { app, notes } = service(`ports:\n${lines.replaceAll(/^/gm, '  ')}`);
  expect(errorsOf(notes)).toEqual([]);
  expect(app.ports.map((one) => `${one.port} ${one.protocol} ${one.public ? 'public' : 'inner'}`)).toEqual(
    expected,
  );
});

test.each([
  ['- "eighty"', /line 5/],
  ['- "70000"', /not between 1 and 65535/],
  ['- "1000-9000"', /at most 64/],
  ['- "80/sctp"', /sctp/],
  ['- {published: 80}', /needs target/],
])('a port that is none is an error with its line: %s', (line, message) => {
  const [error = ''] = errorsOf(service(`ports:\n  ${line}`).notes);
  expect(`line ${error}`).toMatch(message.source.startsWith('line') ? /^line 5: / : message);
});

test.each<[string, Record<string, string>]>([
  ['- A=1\n- B=x=y\n- C=', { A: '1', B: 'x=y', C: '' }],
  ['A: 1\nB: "yes"\nC: true\nD: 1.5', { A: '1', B: 'yes', C: 'true', D: '1.5' }],
  ['- A=${X}', { A: 'ex' }],
  ['- A=$X-b', { A: 'ex-b' }],
  ['- A=${NONE:-fallback}', { A: 'fallback' }],
  ['- A=${EMPTY:-fallback}', { A: 'fallback' }],
  ['- A=${EMPTY-fallback}', { A: '' }],
  ['- A=${NONE-fall back}', { A: 'fall back' }],
  ['- A=${NONE:-${X}}', { A: 'ex' }],
  ['- A=${X:+set}', { A: 'set' }],
  ['- A=${EMPTY:+set}', { A: '' }],
  ['- A=${EMPTY+set}', { A: 'set' }],
  ['- A=${X:?needed}', { A: 'ex' }],
  ['- A=$$X $${X}', { A: '$X ${X}' }],
  ['- X', { X: 'ex' }],
  ['X:', { X: 'ex' }],
  ['- A=cost 5$', { A: 'cost 5$' }],
])('environment: %s', (lines, expected) => {
  const variables = new Map([
    ['X', 'ex'],
    ['EMPTY', ''],
  ]);
  const { app, notes } = service(`environment:\n${lines.replaceAll(/^/gm, '  ')}`, '', { variables });
  expect(errorsOf(notes)).toEqual([]);
  expect(env(app)).toEqual(expected);
});

test('an unset variable is said with its line, a needed one is an error', () => {
  const { notes } = service(
    'environment:\n  - A=$NONE\n  - B=${NONE:?tell me}\n  - C=${bro ken}\n  - D=${open',
  );
  expect(notes.find(({ level }) => level === 'WARNING')).toMatchObject({ line: 5, service: 'web' });
  expect(errorsOf(notes)).toEqual([
    '6: Variable NONE is needed: tell me',
    expect.stringMatching(/^7: .*is no variable/),
    expect.stringMatching(/^8: .*no closing brace/),
  ]);
});

test('env files are read from what was given, below environment, with .env for interpolation', () => {
  const files = new Map([
    ['.env', 'TAG=7\n'],
    [
      './web.env',
      '# comment\nexport A=1 # one\nB="two\nlines \\"q\\""\nC=\'$TAG\'\nD="$TAG"\nE=${A}0\nF = spaced \nA_SECRET=x\n',
    ],
  ]);
  const { app, notes } = service('environment: {A: over}\nenv_file: web.env', '', { files });
  expect(errorsOf(notes)).toEqual([]);
  expect(env(app)).toEqual({
    A: 'over',
    B: 'two\nlines "q"',
    C: '$TAG',
    D: '7',
    E: '10',
    F: 'spaced',
    A_SECRET: 'x',
  });
  expect(app.env.find(({ name }) => name === 'A_SECRET')?.secret).toBe(true);
  expect(errorsOf(service('env_file:\n  - lost.env').notes)[0]).toMatch(
    /^5: The content of lost.env is not here/,
  );
  expect(errorsOf(service('env_file:\n  - path: lost.env\n    required: false').notes)).toEqual([]);
});

test.each<[string, readonly string[] | null]>([
  ['node server.js --port 80', ['node', 'server.js', '--port', '80']],
  [`sh -c "echo 'a b' && sleep 1"`, ['sh', '-c', "echo 'a b' && sleep 1"]],
  ['["a", "b c"]', ['a', 'b c']],
  ['', null],
])('command: %s', (line, expected) => {
  expect(service(`command: ${line}`).app.command).toEqual(expected ?? []);
  expect(service(`entrypoint: ${line}`).app.entrypoint).toEqual(expected ?? []);
});

test.each<[string, readonly string[] | null]>([
  ['["CMD", "curl", "-f", "http://localhost"]', ['curl', '-f', 'http://localhost']],
  ['["CMD-SHELL", "pg_isready -U $$USER || exit 1"]', ['/bin/sh', '-c', 'pg_isready -U $USER || exit 1']],
  ['curl -f http://localhost', ['/bin/sh', '-c', 'curl -f http://localhost']],
  ['["NONE"]', null],
])('healthcheck.test: %s', (line, command) => {
  const { app, notes } = service(
    `healthcheck:\n  test: ${line}\n  interval: 1m30s\n  timeout: 500ms\n  retries: 5\n  start_period: 10m`,
  );
  expect(errorsOf(notes)).toEqual([]);
  expect(app.readiness?.command ?? null).toEqual(command);
  if (command) {
    expect(app.readiness).toMatchObject({ periodSeconds: 90, timeoutSeconds: 1, failureThreshold: 5 });
    expect(app.startTimeoutSeconds).toBe(1_050);
  }
});

test.each<[string, Partial<AppDraft>]>([
  ['mem_limit: 512m', { memoryMb: 512 }],
  ['mem_limit: 1g\nmem_reservation: 128M', { memoryMb: 1024, memoryRequestMb: 128 }],
  ['mem_limit: 1073741824', { memoryMb: 1024 }],
  ['mem_limit: 1b', { memoryMb: 16 }],
  ['cpus: 0.5', { cpuMillis: 500 }],
  ['cpus: "2"', { cpuMillis: 2000 }],
  ['scale: 3', { replicas: 3 }],
  ['deploy: {replicas: 4}', { replicas: 4 }],
  ['deploy: {replicas: 0}', { replicas: 1 }],
  [
    'deploy: {resources: {limits: {cpus: "0.25", memory: 64M}, reservations: {cpus: "0.1", memory: 32M}}}',
    { cpuMillis: 250, memoryMb: 64, cpuRequestMillis: 100, memoryRequestMb: 32 },
  ],
  ['deploy: {update_config: {order: stop-first}}', { stopFirst: true }],
  ['stop_grace_period: 1m', { terminationGraceSeconds: 60 }],
  ['user: "1000:1000"', { user: '1000:1000' }],
  ['working_dir: /srv', { workingDir: '/srv' }],
  ['labels: [a.b=c, "traefik.enable=true", "x=not a label"]', { labels: { 'a.b': 'c' } }],
  ['build: .', { image: null, build: { folder: '', git: null, dockerfile: null, target: null, args: {} } }],
  [
    'build: {context: ./api/, dockerfile: Dockerfile.prod, target: run, args: {V: 1, W: }}',
    { build: { folder: 'api', git: null, dockerfile: 'Dockerfile.prod', target: 'run', args: { V: '1' } } },
  ],
  [
    'build: {context: ., args: [A=1, B=2]}',
    { build: { folder: '', git: null, dockerfile: null, target: null, args: { A: '1', B: '2' } } },
  ],
  [
    'build: "https://github.com/a/b.git#main:sub"',
    {
      build: {
        folder: 'sub',
        git: { url: 'https://github.com/a/b.git', branch: 'main' },
        dockerfile: null,
        target: null,
        args: {},
      },
    },
  ],
])('settings: %s', (lines, expected) => {
  const { app, notes } = service(lines);
  expect(errorsOf(notes)).toEqual([]);
  expect(app).toMatchObject(expected);
});

test.each<[string, RegExp]>([
  ['build: ../other', /^4: build: .*outside of the source/],
  ['build: {dockerfile_inline: "FROM x"}', /^4: dockerfile_inline/],
  ['mem_limit: lots', /^4: mem_limit: "lots"/],
  ['cpus: many', /^4: cpus/],
  ['scale: 500', /^4: scale/],
  ['healthcheck: {test: [CMD]}', /^4: healthcheck.test/],
  ['healthcheck: {test: x, interval: soon}', /^4: healthcheck.interval/],
  ['command: "unclosed \'quote"', /^4: command: A ' is not closed/],
  ['depends_on: [lost]', /^4: There is no service "lost"/],
  ['depends_on: [web]', /^4: A service cannot depend on itself/],
  ['depends_on: {web: {condition: happy}}', /^4: depends_on.web: there is no condition "happy"/],
  ['volumes: ["./data:/data"]', /^4: "\.\/data" is a file or folder of a machine/],
  ['volumes: ["/var/run/docker.sock:/var/run/docker.sock"]', /never gets the container engine's socket/],
  ['volumes: ["C:\\\\data:/data"]', /^4: .*folder of a machine/],
  ['volumes: [{type: bind, source: ./x, target: /x}]', /^4: "\.\/x"/],
  ['volumes: [{type: npipe, source: x, target: /x}]', /^4: Volumes of type npipe/],
  ['volumes: ["data:/data"]', /^4: Volume "data" is not among/],
  ['volumes: ["data:relative"]', /^4: "relative" is no absolute path/],
  ['configs: [lost]', /^4: There is no config "lost"/],
  ['environment: {SKYARC_X: 1}', /^4: SKYARC_X: names that begin with/],
  ['environment: {"a b": 1}', /^4: "a b" cannot name a variable/],
  ['working_dir: here', /^4: working_dir/],
  ['extends: lost', /^4: extends: there is no service "lost"/],
  ['extends: {file: base.yml, service: x}', /^4: The content of base.yml is not here/],
  ['image: "Not An Image"', /^4: /],
])('an error names its line: %s', (lines, message) => {
  const text = lines.startsWith('image') ? lines.replace('image', '"image"') : lines;
  const { notes } = service(text);
  expect(errorsOf(notes).join('\n')).toMatch(
    lines.startsWith('image') ? /4: This is no YAML|is no image/ : message,
  );
});

test('what is not supported is named with its line, what needs nothing is information', () => {
  const { notes } = service('privileged: true\nnetworks: [a]\nrestart: always\nnonsense: 1\nx-mine: 2');
  expect(notes.map(({ level, line, message }) => `${level} ${line} ${message.split(/[: ]/)[0]}`)).toEqual([
    'WARNING 4 privileged',
    'INFO 5 networks',
    'INFO 6 restart',
    'WARNING 7 nonsense',
  ]);
});

test('named volumes: a database has its own, shared ones belong to the first and are shown in the others', () => {
  const { apps, notes } = parseCompose(`
services:
  web:
    image: shop/web
    depends_on: [db]
    volumes: ["files:/files:ro", "/scratch", {type: tmpfs, target: /tmp/x, tmpfs: {size: 64m}}]
    tmpfs: ["/run/web:size=16m"]
  job:
    image: shop/job
    volumes: [{type: volume, source: files, target: /in, read_only: true}]
  db:
    image: postgres:16
    volumes: ["db_data:/var/lib/postgresql/data"]
volumes: {files: , db_data: }
`);
  expect(errorsOf(notes)).toEqual([]);
  expect(apps.map(({ name, workload }) => `${name} ${workload}`)).toEqual([
    'db STATEFUL',
    'web STATELESS',
    'job STATELESS',
  ]);
  const volumes = new Map(apps.map((app) => [app.name, app.volumes]));
  expect(volumes.get('db')).toEqual([
    { name: 'db-data', kind: 'LOCAL', mountPath: '/var/lib/postgresql/data', readOnly: false },
  ]);
  expect(volumes.get('web')).toEqual([
    { name: 'files', kind: 'SHARED', mountPath: '/files', readOnly: false },
    { name: 'scratch', kind: 'SHARED', mountPath: '/scratch', readOnly: false },
    { name: 'tmp-x', kind: 'MEMORY', mountPath: '/tmp/x', readOnly: false, sizeMb: 64 },
    { name: 'run-web', kind: 'MEMORY', mountPath: '/run/web', readOnly: false, sizeMb: 16 },
  ]);
  expect(volumes.get('job')).toEqual([
    { name: 'files', kind: 'APP', mountPath: '/in', readOnly: true, source: { app: 'web', volume: 'files' } },
  ]);
});

test('configs, secrets and bound files become config files with the contents that were given', () => {
  const files = new Map([
    ['nginx.conf', 'server {}'],
    ['password.txt', 'hunter2'],
  ]);
  const { app, notes } = service(
    'volumes: ["./nginx.conf:/etc/nginx/nginx.conf:ro"]\nconfigs: [one, {source: two, target: /etc/two, mode: 0440}]\nsecrets: [pw]',
    'configs: {one: {content: "a=${X:-1}"}, two: {environment: TWO}}\nsecrets: {pw: {file: ./password.txt}}',
    { files, variables: new Map([['TWO', '2']]) },
  );
  expect(errorsOf(notes)).toEqual([]);
  expect(app.volumes.map(({ mountPath, content, fileMode }) => [mountPath, content, fileMode])).toEqual([
    ['/etc/nginx/nginx.conf', 'server {}', undefined],
    ['/one', 'a=1', undefined],
    ['/etc/two', '2', '0440'],
    ['/run/secrets/pw', 'hunter2', undefined],
  ]);
  const missing = service('secrets: [pw]', 'secrets: {pw: {external: true}}').notes;
  expect(errorsOf(missing)[0]).toMatch(/needs content, file or environment/);
});

test('dependencies: order, conditions, links, circles', () => {
  const { apps, notes } = parseCompose(`
services:
  web: {image: a, depends_on: {api: {condition: service_healthy}, init: {condition: service_completed_successfully}}, links: ["cache:redis"]}
  api: {image: b, depends_on: [db]}
  init: {image: i}
  cache: {image: c}
  db: {image: d}
`);
  expect(apps.map(({ name }) => name)).toEqual(['db', 'api', 'init', 'cache', 'web']);
  expect(apps.at(-1)?.dependsOn).toEqual(['api', 'init', 'cache']);
  expect(apps.find(({ name }) => name === 'init')?.workload).toBe('JOB');
  expect(notes.find(({ message }) => message.includes('"redis" is no name here'))?.line).toBe(3);
  const circle = parseCompose(
    'services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [a]}',
  );
  expect(errorsOf(circle.notes)).toEqual(['2: Services wait for each other: a -> b -> a']);
});

test('profiles leave services out', () => {
  const text =
    'services:\n  a: {image: a, depends_on: {b: {condition: service_started, required: false}}}\n  b: {image: b, profiles: [debug]}';
  expect(parseCompose(text).apps.map(({ name }) => name)).toEqual(['a']);
  expect(parseCompose(text, { profiles: ['debug'] }).apps.map(({ name }) => name)).toEqual(['b', 'a']);
  expect(parseCompose(text, { profiles: ['*'] }).apps).toHaveLength(2);
});

test('anchors, merge keys, extends in one file and of another', () => {
  const { apps, notes } = parseCompose(
    `
x-base: &base
  image: base
  environment: &env {A: 1, B: 2}
services:
  one:
    <<: *base
    environment: {<<: *env, B: 3}
  two:
    extends: {service: one}
    environment: [C=4]
    ports: ["80:80"]
    command: run
  three:
    extends: {file: other.yml, service: far}
    ports: ["90"]
`,
    { files: new Map([['other.yml', 'services:\n  far: {image: far, ports: ["91"], profiles: [x]}']]) },
  );
  expect(errorsOf(notes)).toEqual([]);
  expect(apps.map((app) => [app.name, app.image, env(app), app.ports.map(({ port }) => port)])).toEqual([
    ['one', 'base', { A: '1', B: '3' }, []],
    ['two', 'base', { A: '1', B: '3', C: '4' }, [80]],
    ['three', 'far', {}, [90, 91]],
  ]);
  const endless = parseCompose('services:\n  a: {extends: b, image: x}\n  b: {extends: a, image: x}');
  expect(errorsOf(endless.notes)[0]).toMatch(/extends itself/);
});

test('names become names of apps, and the change is said', () => {
  const { apps, notes } = parseCompose(
    'services:\n  My_DB: {image: x}\n  my.db: {image: x}\n  9x-grey: {image: x}',
  );
  expect(apps.map(({ name }) => name)).toEqual(['my-db', 'my-db-2', 'x-grey-app']);
  expect(notes.filter(({ level }) => level === 'WARNING').map(({ line }) => line)).toEqual([2, 3, 4]);
});

test.each<[string, RegExp]>([
  ['', /has "services:"/],
  ['just words', /has "services:"/],
  ['services: [a]', /services is a map/],
  ['services:\n\ta: 1', /^2: This is no YAML/],
  ['services:\n  a: {image: x}\n  a: {image: y}', /^3: This is no YAML/],
  ['services:\n  a: *lost', /no YAML|no anchor/],
  ['services:\n  a: just text', /^2: A service is a map/],
  ['services:\n  a: {ports: ["80"]}', /^2: A service needs image or build/],
  ['include: [x.yml]\nservices:\n  a: {image: x}', /^1: include is not supported/],
  [
    `services:\n${Array.from({ length: 51 }, (_, index) => `  s${index}: {image: x}`).join('\n')}`,
    /There are 51 services/,
  ],
  [
    'services:\n  a: {image: x, volumes: ["v:/v"]}\nvolumes:\n  v: {driver_opts: {type: none, o: bind, device: /srv}}',
    /^4: Volume v shows \/srv/,
  ],
  [
    'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nservices: {a: {image: x, command: *e}}',
    /too many values/,
  ],
  ['services: &s\n  a: *s', /too many values|no anchor|no YAML/],
  ['x'.repeat(2 << 20), /more than 256 KiB/],
  ['services: ' + '['.repeat(100_000), /no YAML|too many values/],
  ['services: ' + '{a: '.repeat(20_000), /no YAML|too many values/],
  [
    `services:\n  a: {image: x, command: "${'${A:-'.repeat(5_000)}x${'}'.repeat(5_000)}"}`,
    /stand in each other/,
  ],
  [`x: {${Array.from({ length: 22_000 }, (_, index) => `k${index}: 1`).join(',')}}`, /too many values/],
])('a text that is none: %.40s', (text, message) => {
  expect(errorsOf(parseCompose(text).notes).join('\n')).toMatch(message);
});

test('large env files are read in the time that their length takes', () => {
  const content = `${'A="b"\n'.repeat(100_000)}B="open\n${'x\n'.repeat(100_000)}`;
  const { notes } = service('env_file: big.env', '', { files: new Map([['big.env', content]]) });
  expect(notes.find(({ message }) => message.includes('is not closed'))?.message).toBe(
    'big.env, line 100001: a " is not closed',
  );
});
