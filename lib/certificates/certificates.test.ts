import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, connect } from 'node:tls';
import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { CertificateAuthority } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-ca-'));
afterAll(() => rm(folder, { recursive: true }));

test('an authority survives a restart and its leaves verify against it', async () => {
  const first = await CertificateAuthority.ensure(folder, 'Skyarc test');
  const again = await CertificateAuthority.ensure(folder, 'Skyarc test');
  expect(again.cert).toBe(first.cert);
  const leaf = await again.issue({ commonName: 'api', names: ['localhost', '127.0.0.1'], usage: 'server' });
  const parsed = new X509Certificate(leaf.cert);
  expect(parsed.checkHost('localhost')).toBe('localhost');
  expect(parsed.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(parsed.verify(new X509Certificate(first.cert).publicKey)).toBe(true);
});

test('mutual TLS accepts our client certificate and refuses none', async () => {
  const authority = await CertificateAuthority.ensure(folder, 'Skyarc test');
  const server = await authority.issue({ commonName: 'api', names: ['localhost'], usage: 'server' });
  const client = await authority.issue({ commonName: 'console', organizations: ['skyarc'], usage: 'client' });
  const listener = createServer(
    { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
    (socket) => socket.end(socket.getPeerCertificate().subject.CN),
  ).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  try {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.cert,
      ...client,
    });
    const [name] = (await once(socket, 'data')) as [Buffer];
    expect(name.toString()).toBe('console');
    const stranger = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert });
    stranger.on('secureConnect', () => stranger.write('x'));
    await expect(once(stranger, 'data')).rejects.toThrow();
  } finally {
    listener.close();
  }
});

test('a kept leaf is renewed only when a name is missing', async () => {
  const authority = await CertificateAuthority.ensure(folder, 'Skyarc test');
  const request = { commonName: 'gateway', names: ['a.test'], usage: 'server' as const };
  const first = await authority.ensureLeaf(folder, 'gateway', request);
  expect(await authority.ensureLeaf(folder, 'gateway', request)).toEqual(first);
  const wider = await authority.ensureLeaf(folder, 'gateway', { ...request, names: ['a.test', 'b.test'] });
  expect(wider.cert).not.toBe(first.cert);
});
