import { expect, test } from 'vitest';
import { newTree } from '../../testkit/tree.ts';
import { emptyProject } from '../settings.ts';
import { launch, plan } from './index.ts';
import { readDockerfile } from './parse.ts';

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
