import { expect, test } from 'vitest';
import { newTree } from '../../testkit/tree.ts';
import { emptyProject } from '../settings.ts';
import { launch, plan } from './index.ts';
import { readDockerfile, withArgs } from './parse.ts';

const staged = `# syntax=docker/dockerfile:1
ARG PORT=3000
FROM node:24 AS build
ARG TOKEN_NAME
EXPOSE 9999
RUN --mount=type=secret,id=NPM_TOKEN,target=/root/.npmrc --mount=type=cache,target=/x \\
    npm ci
FROM debian AS base
ENV MODE=live NAME="two words"
ENV OLD an old value
VOLUME ["/data", "/logs/"]
USER 1000
FROM base
RUN <<END
EXPOSE 1
END
EXPOSE \${PORT:-80} 53/udp 8443/tcp
`;

test('a Dockerfile tells ports, volumes, environment and secrets of its last stage and those below', () => {
  const facts = readDockerfile(staged, null, { PORT: '4000' });
  expect(facts.final).toEqual({
    ports: [4000, 8443],
    volumes: ['/data', '/logs'],
    env: { MODE: 'live', NAME: 'two words', OLD: 'an old value' },
    user: '1000',
  });
  expect(facts.stages).toEqual(['build', 'base', '2']);
  expect(facts.secrets).toEqual([{ id: 'NPM_TOKEN', target: '/root/.npmrc' }]);
  expect([...facts.args]).toEqual(['PORT', 'TOKEN_NAME']);
  expect(readDockerfile(staged, 'build').final?.ports).toEqual([9999]);
  expect(readDockerfile(staged, 'nope').final).toBeNull();
});

test('what does not fit the Dockerfile is an error or a warning', async () => {
  const source = await newTree({ 'deploy/app.Dockerfile': staged });
  const project = { ...emptyProject, dockerfile: 'deploy/app.Dockerfile' };
  const made = await plan(source, { ...project, buildArgs: { WRONG: '1' }, buildSecrets: { OTHER: 'x' } });
  expect(made.secrets).toEqual([]);
  expect(launch(made)).toMatchObject({ volumes: ['/data', '/logs'], language: 'Dockerfile' });
  expect(launch(made).warnings?.join(' ')).toMatch(/no ARG WRONG.*mounts secret NPM_TOKEN/);
  const given = await plan(source, { ...project, buildSecrets: { NPM_TOKEN: 'secret', OTHER: 'x' } });
  expect(given.secrets).toEqual([{ id: 'NPM_TOKEN', target: '/root/.npmrc', value: 'secret' }]);
  await expect(plan(source, { ...project, target: 'prod' })).rejects.toThrow(
    'no stage "prod"; there are build, base, 2',
  );
  await expect(plan(source, emptyProject)).rejects.toThrow('There is no Dockerfile at "Dockerfile"');
});

test('images that a Dockerfile is made from are found before it is built, stages are none', () => {
  const text = [
    'ARG NODE=24',
    'ARG REGISTRY="docker.io/library"',
    'FROM --platform=linux/amd64 $REGISTRY/node:${NODE} AS build',
    'COPY --from=ghcr.io/acme/tools:1 /bin/tool /bin/',
    'RUN --mount=type=bind,from=busybox,target=/box --mount=type=cache,target=/c true',
    'FROM scratch AS files',
    'COPY --from=build /app /',
    'FROM files',
    'COPY --from=0 /x /x',
    'FROM never:1',
  ].join('\n');
  const first = ['docker.io/library/node:22', 'ghcr.io/acme/tools:1', 'busybox'];
  expect(readDockerfile(text, '2', { NODE: '22' }).images).toEqual(first);
  expect(readDockerfile(text, null, { NODE: '22' }).images).toEqual([...first, 'never:1']);
});

test('build arguments are named after each FROM, and nowhere else', () => {
  const text = '# syntax=x\nFROM a \\\n  AS b\nRUN <<END\nFROM no\nEND\nFROM b\nUSER 1';
  expect(withArgs(text, ['X', 'Y'])).toBe(
    '# syntax=x\nFROM a \\\n  AS b\nARG X Y\nRUN <<END\nFROM no\nEND\nFROM b\nARG X Y\nUSER 1',
  );
});
