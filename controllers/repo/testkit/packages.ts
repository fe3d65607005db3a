import { createHash, hash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { createGzip, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { FixtureUpstream } from './upstream.ts';
import { zipOf } from '@skyarc/lib/archive/testing';

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** A package as `npm pack` makes it. */
export async function npmTarball({ name, version, files = {} }: NpmPackage): Promise<Buffer> {
  const archive = pack();
  const all = { 'package.json': JSON.stringify({ name, version, main: 'index.js' }), ...files };
  for (const [path, body] of Object.entries(all))
    archive.entry({ name: `package/${path}`, mtime: new Date(0) }, body);
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

/** Publishes at the upstream, below `/npm/`; answers the tarball's path there. */
export async function putNpm(upstream: FixtureUpstream, one: NpmPackage): Promise<string> {
  const { name, version } = one;
  const tarball = await npmTarball(one);
  const file = `/npm/${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
  upstream.put(file, tarball);
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const dist = { tarball: `${upstream.url}${file}`, integrity, shasum: hash('sha1', tarball, 'hex') };
  const versions = { [version]: { name, version, main: 'index.js', dist } };
  const text = JSON.stringify({ name, 'dist-tags': { latest: version }, versions, time: {} });
  upstream.put(`/npm/${name}`, text, 'application/json');
  return file;
}

/** A pure wheel with one module. */
export function wheelOf(name: string, version: string, text: string): Buffer {
  const info = `${name}-${version}.dist-info`;
  return zipOf({
    [`${name}.py`]: text,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: `${name}.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
  });
}

/** Publishes a wheel below `/pypi/simple/`; answers its path. */
export function putWheel(upstream: FixtureUpstream, name: string, version: string, text: string): string {
  const wheel = wheelOf(name, version, text);
  const file = `${name}-${version}-py3-none-any.whl`;
  upstream.put(`/pypi/files/${file}`, wheel);
  const link = `<a href="../../files/${file}#sha256=${hash('sha256', wheel, 'hex')}">${file}</a>`;
  upstream.put(`/pypi/simple/${name}/`, `<html><body>${link}</body></html>`, 'text/html');
  return `/pypi/files/${file}`;
}

/** Publishes a Go module below `/go/`. */
export function putGoModule(upstream: FixtureUpstream, module: string, version: string, text: string): void {
  const mod = `module ${module}\n`;
  const root = `${module}@${version}`;
  const base = `/go/${module}/@v`;
  upstream.put(`${base}/list`, `${version}\n`, 'text/plain');
  upstream.put(`${base}/${version}.info`, JSON.stringify({ Version: version, Time: '2024-01-01T00:00:00Z' }));
  upstream.put(`${base}/${version}.mod`, mod);
  upstream.put(`${base}/${version}.zip`, zipOf({ [`${root}/go.mod`]: mod, [`${root}/lib.go`]: text }));
}

/** Publishes files of a Maven repository below `/maven/`, each with its SHA-1. */
export function putMaven(upstream: FixtureUpstream, files: Readonly<Record<string, string>>): void {
  for (const [path, body] of Object.entries(files)) {
    upstream.put(`/maven/${path}`, body);
    upstream.put(`/maven/${path}.sha1`, hash('sha1', body, 'hex'));
  }
}

export interface PhpPackage {
  readonly name: string;
  readonly version: string;
  /** Commit that it is of. */
  readonly reference: string;
  /** PHP text of `tool.php`, which is loaded with the app. */
  readonly text: string;
}

/** The zip of a package, in a folder of its own as GitHub makes it. */
export function phpZip({ name, text }: Pick<PhpPackage, 'name' | 'text'>): Buffer {
  const manifest = JSON.stringify({ name, autoload: { files: ['tool.php'] } });
  return zipOf({ 'root/composer.json': manifest, 'root/tool.php': text });
}

/** Publishes a package below `/composer/`; answers the archive's path. */
export function putPhp(upstream: FixtureUpstream, one: PhpPackage): string {
  const { name, version, reference } = one;
  const path = `/composer/zips/${name}/${reference}`;
  upstream.put(path, phpZip(one), 'application/zip');
  const dist = { type: 'zip', url: `${upstream.url}${path}`, reference, shasum: '' };
  const described = { name, version, dist, autoload: { files: ['tool.php'] } };
  const packages = { [name]: [described] };
  upstream.put(
    '/composer/packages.json',
    JSON.stringify({ packages: [], 'metadata-url': '/composer/p2/%package%.json' }),
  );
  upstream.put(`/composer/p2/${name}.json`, JSON.stringify({ packages, minified: 'composer/2.0' }));
  return path;
}

/** Publishes a Debian site below `/debian/` with one suite, "stable", and these packages. */
export function putDebian(upstream: FixtureUpstream, packages: Readonly<Record<string, Buffer>>): void {
  const stanzas = Object.entries(packages).map(([name, deb]) => {
    const path = `pool/main/${name}_1.0_all.deb`;
    upstream.put(`/debian/${path}`, deb);
    const digest = hash('sha256', deb, 'hex');
    return `Package: ${name}\nVersion: 1.0\nArchitecture: all\nFilename: ${path}\nSize: ${deb.length}\nSHA256: ${digest}\n`;
  });
  const index = stanzas.join('\n');
  const files: Readonly<Record<string, Buffer>> = {
    'main/binary-amd64/Packages': Buffer.from(index),
    'main/binary-amd64/Packages.gz': gzipSync(index),
    'main/binary-arm64/Packages': Buffer.from(index),
    'main/binary-arm64/Packages.gz': gzipSync(index),
  };
  const lines = Object.entries(files).map(([path, body]) => {
    const digest = hash('sha256', body, 'hex');
    upstream.put(`/debian/dists/stable/${path}`, body);
    upstream.put(`/debian/dists/stable/${path.replace(/[^/]+$/, `by-hash/SHA256/${digest}`)}`, body);
    return ` ${digest} ${body.length} ${path}`;
  });
  const about =
    'Suite: stable\nCodename: stable\nComponents: main\nArchitectures: amd64 arm64\nAcquire-By-Hash: yes';
  upstream.put(
    '/debian/dists/stable/Release',
    `${about}\nDate: ${new Date().toUTCString().replace('GMT', 'UTC')}\nSHA256:\n${lines.join('\n')}\n`,
  );
}
