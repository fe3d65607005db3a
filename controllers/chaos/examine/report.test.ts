import { expect, test } from 'vitest';
import { reportOfImage } from './report.ts';

function imageOf(name: string, config: object) {
  const bytes = Buffer.from(JSON.stringify({ config, rootfs: { diff_ids: [] } }));
  const reference = { host: 'docker.io', repository: name, tag: '1', digest: null };
  return { reference, digest: 'sha256:x', config: bytes, layers: [], sizeBytes: 0 };
}

test('an image tells ports with their protocol, variables, volumes and command', () => {
  const { found, problems } = reportOfImage(
    imageOf('library/postgres', {
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: ['postgres'],
      Env: ['PATH=/bin', 'PGDATA=/data', 'EMPTY'],
      ExposedPorts: { '5432/tcp': {}, '8080': {}, '53/udp': {}, 'x/tcp': {} },
      Volumes: { '/data': {}, relative: {} },
    }),
    'postgres:1',
  );
  expect(problems).toEqual([]);
  expect(found).toMatchObject({
    buildpack: null,
    version: '1',
    workload: 'STATEFUL',
    volumes: [{ mountPath: '/data' }],
    processes: [{ name: 'web', command: 'docker-entrypoint.sh postgres' }],
    env: [
      { name: 'PGDATA', value: '/data' },
      { name: 'EMPTY', value: '' },
    ],
  });
  expect(Object.fromEntries(found?.ports.map(({ port, protocol }) => [port, protocol]) ?? [])).toEqual({
    5432: 'TCP',
    8080: 'HTTP',
    53: 'UDP',
  });
});

test('an image without command and ports is told so', () => {
  const { found, problems } = reportOfImage(imageOf('team/shop', {}), 'shop');
  expect(found).toMatchObject({ workload: 'STATELESS', ports: [], processes: [] });
  expect(problems.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
    'WARNING The image has no command',
    'WARNING The image names no port',
  ]);
});
