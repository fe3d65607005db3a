import { expect, test } from 'vitest';
import { parseNpmrc, registriesOf } from './discover.ts';
import { parseNpmPath, parsePackument, tarballsOf, withOurTarballs } from './packument.ts';

const kindOf = (path: string) => parseNpmPath(path.split('/'));

test('paths of a registry are told apart, after any prefix for tarballs', () => {
  expect(kindOf('left-pad')).toEqual({ kind: 'packument', name: 'left-pad', rest: [] });
  expect(kindOf('@acme/x/latest')).toEqual({ kind: 'packument', name: '@acme/x', rest: ['latest'] });
  expect(kindOf('left-pad/-/left-pad-1.0.0.tgz')).toMatchObject({
    name: 'left-pad',
    file: 'left-pad-1.0.0.tgz',
  });
  expect(kindOf('some/mirror/@acme/x/-/x-1.0.0.tgz')).toMatchObject({ name: '@acme/x', file: 'x-1.0.0.tgz' });
  expect(kindOf('@acme/x/-/@acme/x-1.0.0.tgz')).toMatchObject({ name: '@acme/x', file: 'x-1.0.0.tgz' });
  expect(kindOf('-/ping')).toEqual({ kind: 'service', rest: ['ping'] });
  expect(kindOf('.hidden')).toBeNull();
  expect(kindOf('@/x')).toBeNull();
});

test('tarballs without a digest are left out, the others get our address', () => {
  const text = JSON.stringify({
    name: 'x',
    'dist-tags': { latest: '2.0.0' },
    versions: {
      '1.0.0': { dist: { tarball: 'https://r.example/x/-/x-1.0.0.tgz' } },
      '2.0.0': { dist: { tarball: 'https://r.example/x/-/x-2.0.0.tgz', integrity: 'sha512-AAAA sha1-BBBB' } },
    },
  });
  const found = parsePackument(text, 'x');
  expect([...tarballsOf(found)]).toEqual([
    [
      'x-2.0.0.tgz',
      { url: 'https://r.example/x/-/x-2.0.0.tgz', digests: { sha512: '000000', sha1: '041041' } },
    ],
  ]);
  const ours = withOurTarballs(found, 'http://here/npm');
  expect(ours.versions['2.0.0']?.dist?.tarball).toBe('http://here/npm/x/-/x-2.0.0.tgz');
  expect(() => parsePackument('<html>', 'x')).toThrow(/cannot be read/);
});

test('registries and their credentials come from npmrc, scopes first', () => {
  const settings = parseNpmrc(
    [
      '; a comment',
      '@acme:registry=https://npm.acme.example/',
      '//npm.acme.example/:_authToken=${TOKEN}',
      '//r.example/npm/:_auth="YTpi"',
    ].join('\n'),
    { TOKEN: 'secret' },
  );
  expect(registriesOf('https://r.example/npm', settings)).toEqual([
    { url: 'https://npm.acme.example/', authorization: 'Bearer secret', scope: '@acme' },
    { url: 'https://r.example/npm/', authorization: 'Basic YTpi' },
  ]);
});
