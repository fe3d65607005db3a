import { expect, test } from 'vitest';
import { type AppDraft, parseDockerRun } from './index.ts';

const appOf = (line: string) => {
  const { apps, notes } = parseDockerRun(line);
  expect(notes.filter(({ level }) => level === 'ERROR')).toEqual([]);
  return apps[0] as AppDraft;
};

test.each<[string, Partial<AppDraft>]>([
  ['docker run nginx', { name: 'nginx', image: 'nginx', command: null, ports: [] }],
  ['sudo docker run -d nginx:1.27', { name: 'nginx', image: 'nginx:1.27' }],
  [
    '$ docker container run --rm -it alpine sh -c "echo hi"',
    { image: 'alpine', command: ['sh', '-c', 'echo hi'] },
  ],
  ['podman run registry.example.com:5000/team/app@sha256:' + 'a'.repeat(64), { name: 'app' }],
  ['docker run -p 8080:80 nginx', { ports: [{ port: 80, protocol: 'HTTP', public: true }] }],
  ['docker run -p=8080:80 nginx', { ports: [{ port: 80, protocol: 'HTTP', public: true }] }],
  ['docker run -p8080:80 nginx', { ports: [{ port: 80, protocol: 'HTTP', public: true }] }],
  ['docker run --publish=8080:80/tcp nginx', { ports: [{ port: 80, protocol: 'HTTP', public: true }] }],
  ['docker run -dp 8080:80 nginx', { ports: [{ port: 80, protocol: 'HTTP', public: true }] }],
  ['docker run -p 127.0.0.1:8080:80 nginx', { ports: [{ port: 80, protocol: 'HTTP', public: false }] }],
  ['docker run -p 53:5353/udp x', { ports: [{ port: 5353, protocol: 'UDP', public: false }] }],
  ['docker run --expose 9000 x', { ports: [{ port: 9000, protocol: 'HTTP', public: false }] }],
  [
    `docker run -e A=1 --env 'B=two words' -e "C=$(true)" x`.replace('$(true)', '\\$5'),
    {
      env: [
        { name: 'A', value: '1', secret: false },
        { name: 'B', value: 'two words', secret: false },
        { name: 'C', value: '$5', secret: false },
      ],
    },
  ],
  [
    'docker run -e MYSQL_ROOT_PASSWORD=x -e PASSWORD_FILE=/x x',
    {
      env: [
        { name: 'MYSQL_ROOT_PASSWORD', value: 'x', secret: true },
        { name: 'PASSWORD_FILE', value: '/x', secret: false },
      ],
    },
  ],
  ['docker run --name My_Shop x', { name: 'my-shop' }],
  [
    'docker run -m 256m --cpus 1.5 --memory-reservation=64m x',
    { memoryMb: 256, cpuMillis: 1500, memoryRequestMb: 64 },
  ],
  ['docker run --entrypoint /bin/sh x -c true', { entrypoint: ['/bin/sh'], command: ['-c', 'true'] }],
  ['docker run -u 1000:1000 -w /srv x', { user: '1000:1000', workingDir: '/srv' }],
  ['docker run --restart unless-stopped --network host --init -t x', { name: 'x' }],
  [
    'docker run --health-cmd "curl -f localhost" --health-interval=10s --health-retries 2 x',
    {
      readiness: {
        command: ['/bin/sh', '-c', 'curl -f localhost'],
        periodSeconds: 10,
        timeoutSeconds: 30,
        failureThreshold: 2,
        initialDelaySeconds: 0,
      },
    },
  ],
  [
    'docker run -v data:/var/lib/mysql mysql:8',
    {
      workload: 'STATEFUL',
      volumes: [{ name: 'data', kind: 'LOCAL', mountPath: '/var/lib/mysql', readOnly: false }],
    },
  ],
  [
    'docker run -v data:/data:ro -v /cache x',
    {
      volumes: [
        { name: 'data', kind: 'SHARED', mountPath: '/data', readOnly: true },
        { name: 'cache', kind: 'SHARED', mountPath: '/cache', readOnly: false },
      ],
    },
  ],
  [
    'docker run --mount type=volume,source=d,target=/d,readonly x',
    { volumes: [{ name: 'd', kind: 'SHARED', mountPath: '/d', readOnly: true }] },
  ],
  [
    'docker run --tmpfs /run:size=64m x',
    { volumes: [{ name: 'run', kind: 'MEMORY', mountPath: '/run', readOnly: false, sizeMb: 64 }] },
  ],
  ['docker run \\\n  -p 8080:80 \\\n  --name web \\\n  nginx', { name: 'web', image: 'nginx' }],
  ['docker run -e A=1 -- nginx -g "daemon off;"', { command: ['-g', 'daemon off;'] }],
  ['docker run x -p 80', { command: ['-p', '80'], ports: [] }],
])('%s', (line, expected) => {
  expect(appOf(line)).toMatchObject(expected);
});

test.each<[string, number, RegExp]>([
  ['rm -rf /', 1, /no docker run command/],
  ['docker build .', 1, /no docker run command/],
  ['docker run', 1, /The image is missing/],
  ['docker run -p', 1, /-p needs a value/],
  ['docker run --name web', 1, /The image is missing/],
  ['docker run -Z x', 1, /-Z is no option/],
  ['docker run "Two Words"', 1, /is no image reference/],
  ['docker run x | tee log', 1, /"\|" is for a shell/],
  ['docker run x; reboot', 1, /";" is for a shell/],
  ['docker run -e A=$(id) x', 1, /"\$\(" is for a shell/],
  ['docker run \\\n -e A=$HOME x', 2, /is a shell variable/],
  ['docker run -e "A=`id`" x', 1, /is for a shell/],
  ["docker run \\\n -e 'A=1 x", 2, /A ' is not closed/],
  ['docker run \\\n --env-file .env \\\n x', 2, /content of .env is not here: add it below/],
  ['docker run \\\n -v /srv:/srv x', 2, /folder of a machine/],
  ['docker run -p 1:99999 x', 1, /not between 1 and 65535/],
])('%s is refused with its line', (line, at, message) => {
  const errors = parseDockerRun(line).notes.filter(({ level }) => level === 'ERROR');
  expect(errors[0]?.message).toMatch(message);
  expect(errors[0]?.line).toBe(at);
});

test('an env file is taken when its content is given', () => {
  const { apps } = parseDockerRun('docker run --env-file ./web.env x', {
    files: new Map([['web.env', 'A=1']]),
  });
  expect(apps[0]?.env).toEqual([{ name: 'A', value: '1', secret: false }]);
});

test('what is left out is said', () => {
  const { notes } = parseDockerRun('docker run --network=back --privileged --gpus all --link db:database x');
  expect(notes.map(({ level, message }) => `${level} ${message.split(/[: ]/)[0]}`).sort()).toEqual([
    'INFO --network',
    'WARNING --gpus',
    'WARNING --link',
    'WARNING Apps',
  ]);
});
