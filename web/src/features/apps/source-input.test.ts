import { expect, test } from 'vitest';
import { nameFromFile, sourceInputOf } from './source-input.ts';

test('each kind gives its own source and nothing of the others', () => {
  const all = {
    url: ' https://x.test/a.git ',
    branch: 'main',
    svnUrl: 'svn://x.test/a',
    svnBranch: 'trunk',
    revision: 7,
    uploadId: 'local.upload.x',
    image: ' nginx:1 ',
    subdirectory: 'web',
    username: 'ann',
    password: 'pw',
    template: 'hello',
    endpoints: 'db.test:5432\n\nnowhere',
  };
  const login = { username: 'ann', password: 'pw' };
  expect(sourceInputOf('git', all)).toEqual({
    git: { url: 'https://x.test/a.git', branch: 'main', subdirectory: 'web', ...login },
  });
  expect(sourceInputOf('svn', all)).toEqual({
    svn: { url: 'svn://x.test/a', branch: 'trunk', revision: 7, subdirectory: 'web', ...login },
  });
  expect(sourceInputOf('upload', all)).toEqual({ upload: { id: 'local.upload.x', subdirectory: 'web' } });
  expect(sourceInputOf('image', all)).toEqual({ image: { reference: 'nginx:1' } });
  expect(sourceInputOf('template', all)).toEqual({ template: 'hello' });
  expect(sourceInputOf('external', all)).toEqual({
    external: {
      endpoints: [
        { host: 'db.test', port: 5432 },
        { host: 'nowhere', port: 0 },
      ],
    },
  });
});

test.each([
  ['shop-1.2.tar.gz', 'shop-1-2'],
  ['My App.zip', 'my-app'],
  ['registry.test:5000/team/web:2', 'web'],
  ['nginx@sha256:aa', 'nginx'],
])('%s suggests %s', (file, name) => {
  expect(nameFromFile(file)).toBe(name);
});
