import { expect, test } from 'vitest';
import { parseReference } from './index.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['nginx', ['docker.io', 'library/nginx', 'latest', null]],
  ['bitnami/redis:7', ['docker.io', 'bitnami/redis', '7', null]],
  ['index.docker.io/library/nginx', ['docker.io', 'library/nginx', 'latest', null]],
  ['localhost/shop', ['localhost', 'shop', 'latest', null]],
  ['registry.example.com:5000/team/shop:1.0', ['registry.example.com:5000', 'team/shop', '1.0', null]],
  [`Registry.Example.com/shop@${digest}`, ['registry.example.com', 'shop', null, digest]],
  [`shop:1@${digest}`, ['docker.io', 'library/shop', '1', digest]],
])('%s is read as docker reads it', (text, [host, repository, tag, pinned]) => {
  expect(parseReference(text)).toEqual({ host, repository, tag, digest: pinned });
});

test.each(['', 'Nginx', 'a b', '-a', 'a//b', 'https://a.test/b', 'a.test/', 'a:'])(
  '%j is no image',
  (text) => {
    expect(() => parseReference(text)).toThrow(/is not the name of an image/);
  },
);
