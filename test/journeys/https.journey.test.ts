import { connect, type PeerCertificate } from 'node:tls';
import type { SkyarcClient } from '@skyarc/sdk';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { pollUntil } from '@skyarc/lib/retry';
import { request } from 'undici';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type AcmeServer, startAcmeServer } from '../testkit/acme-server.ts';
import { changed, deployed, removed } from '../testkit/apps.ts';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitServer, startGitServer } from '../testkit/git-server.ts';
import { startLoad } from '../testkit/load.ts';
import { loginAsOwner } from '../testkit/session.ts';

const world = inject('world');
const httpPort = Number(new URL(world.gatewayUrl).port);
const httpsPort = httpPort + 363;
const hosts = Array.from({ length: 100 }, (_, index) => `shop-${index}.example.test`);
let git: GitServer;
let acme: AcmeServer;
let skyarc: SkyarcClient;
let authority: CertificateAuthority;
let teamId: string;
let shop: string;

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
  teamId = (await skyarc.teams.get(world.team)).id;
  authority = await CertificateAuthority.ensure(inject('authorityFolder'), 'Skyarc tests');
  acme = await startAcmeServer({ port: 24_700, httpPort, authority });
  shop = await deployed(skyarc, world, {
    name: 'https',
    source: (await git.create('https', nodeApp('v1'))).url,
  });
}, 180_000);
afterAll(async () => {
  await removed(skyarc, shop);
  for (const { id } of await skyarc.certificates.list(world.team)) await skyarc.certificates.delete(id);
  await acme.stop();
  await skyarc.dispose();
  await git.stop();
});

/** The certificate that the gateway shows for a name. */
const shownFor = (host: string) =>
  new Promise<PeerCertificate>((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: httpsPort, servername: host, rejectUnauthorized: false },
      () => {
        resolve(socket.getPeerCertificate());
        socket.end();
      },
    );
    socket.on('error', reject);
  });
const untilShown = (host: string, wanted: (certificate: PeerCertificate) => boolean) =>
  pollUntil(async () => (wanted(await shownFor(host)) ? true : undefined), {
    timeoutMs: 30_000,
    everyMs: 200,
    onTimeout: () => new Error(`${host} is not shown with the certificate that was wanted`),
  });
const upload = async (name: string, names: string[], days = 365) => {
  const { cert, key } = await authority.issue({ commonName: names[0] ?? '', names, usage: 'server', days });
  return skyarc.certificates.upload({ teamId, name, chain: cert, privateKey: key });
};

test('a hundred domains are each served with their own certificate', async () => {
  for (const host of hosts) await upload(host.split('.')[0] ?? '', [host]);
  await changed(skyarc, shop, { routes: hosts.map((host) => ({ host, path: '/', port: 8080 })) });
  await untilShown(hosts[99]!, ({ subject }) => subject?.CN === hosts[99]);
  for (const host of hosts) expect((await shownFor(host)).subject.CN).toBe(host);
});

test('one is renewed under load, and no request notices', async () => {
  const host = hosts[7]!;
  const before = (await shownFor(host)).fingerprint256;
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 80 });
  await upload('shop-7', [host]);
  await untilShown(host, ({ fingerprint256 }) => fingerprint256 !== before);
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
});

test('that a certificate ends soon is an alert and a message, until it is renewed', async () => {
  const begun = Date.now();
  const told = async (status: string) => {
    const { items } = (await skyarc.monitor.messages({ first: 50 })).messages;
    return items.find(
      (one) =>
        one.alertName === 'CertificateExpires' &&
        one.summary.includes('brief') &&
        one.status === status &&
        Date.parse(one.startedAt) >= begun,
    );
  };
  const untilTold = (status: string) =>
    pollUntil(() => told(status), {
      timeoutMs: 90_000,
      everyMs: 500,
      onTimeout: () => new Error(`no message is ${status}`),
    });
  expect(await upload('brief', ['brief.example.test'], 5)).toMatchObject({
    status: 'VALID',
    expiresSoon: true,
  });
  const message = await untilTold('FIRING');
  expect(message).toMatchObject({ severity: 'WARNING', isRead: false });
  expect(message.summary).toMatch(/^Certificate brief ends in less than 4d 23h/);
  expect((await skyarc.monitor.alerts(teamId)).map(({ name }) => name)).toContain('CertificateExpires');
  expect(await upload('brief', ['brief.example.test'])).toMatchObject({ expiresSoon: false });
  await untilTold('RESOLVED');
});

const refused = (chain: string, privateKey: string) =>
  expect(skyarc.certificates.upload({ teamId, name: 'bad', chain, privateKey })).rejects;

test('what does not fit is refused with the reason', async () => {
  const one = await authority.issue({ commonName: 'a.test', names: ['a.test'], usage: 'server' });
  const other = await authority.issue({ commonName: 'b.test', names: ['b.test'], usage: 'server' });
  await refused(one.cert, other.key).toMatchObject({
    code: 'INVALID',
    message: expect.stringMatching(/key/) as string,
  });
  await refused('nothing', one.key).toMatchObject({ code: 'INVALID' });
});

test('a certificate is made by ACME for a host that leads here, also when it redirects to HTTPS', async () => {
  await skyarc.platform.updateDataCenter('local', {
    acmeDirectoryUrl: acme.directoryUrl,
    acmeEmail: 'ann@example.test',
  });
  const host = 'auto.example.test';
  await changed(skyarc, shop, {
    routes: [{ host, path: '/', port: 8080, policy: { httpsRedirect: true, hsts: { maxAgeSeconds: 600 } } }],
  });
  await skyarc.certificates.order({ teamId, name: 'auto', hosts: [host] });
  const made = await pollUntil(
    async () => {
      const found = (await skyarc.certificates.list(world.team)).find(({ name }) => name === 'auto');
      if (found?.status === 'FAILED') throw new Error(found.message ?? 'failed');
      return found?.status === 'VALID' ? found : undefined;
    },
    { timeoutMs: 60_000, everyMs: 500, onTimeout: () => new Error('no certificate was made') },
  );
  expect(made).toMatchObject({ source: 'ACME', hosts: [host], message: null });
  expect(made.issuer).toMatch(/Pebble/);
  await untilShown(host, ({ issuer }) => /Pebble/.test(issuer?.CN ?? ''));
  const plain = await request(world.gatewayUrl, { headers: { host } });
  expect(plain.statusCode).toBe(308);
  expect(plain.headers['location']).toMatch(new RegExp(`^https://${host}`));
  await plain.body.dump();
  const before = (await shownFor(host)).fingerprint256;
  await skyarc.certificates.renew(made.id);
  await untilShown(host, ({ fingerprint256 }) => fingerprint256 !== before);
  await skyarc.platform.updateDataCenter('local', { acmeDirectoryUrl: '' });
});
