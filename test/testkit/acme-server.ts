import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateAuthority } from '@skyarc/lib/certificates';
import { pollUntil } from '@skyarc/lib/retry';

export interface AcmeServer {
  readonly directoryUrl: string;
  stop(): Promise<void>;
}

export interface AcmeServerOptions {
  /** Three ports from here on. */
  readonly port: number;
  /** Where it finds hosts for http-01. */
  readonly httpPort: number;
  /** Signs its own address; those who ask it trust this. */
  readonly authority: CertificateAuthority;
}

/** A real ACME server (RFC 8555), Pebble of Debian, for which every name is at this machine. */
export async function startAcmeServer({ port, httpPort, authority }: AcmeServerOptions): Promise<AcmeServer> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-acme-'));
  const { cert, key } = await authority.issue({
    commonName: 'localhost',
    names: ['localhost', '127.0.0.1'],
    usage: 'server',
  });
  const file = (name: string) => join(folder, name);
  await writeFile(file('cert.pem'), cert);
  await writeFile(file('key.pem'), key);
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${port + 1}`,
    certificate: file('cert.pem'),
    privateKey: file('key.pem'),
    httpPort,
    tlsPort: httpPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  };
  await writeFile(file('config.json'), JSON.stringify({ pebble }));
  const environment = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '5', PATH: process.env['PATH'] };
  const dns = `127.0.0.1:${port + 2}`;
  const children: ChildProcess[] = [
    spawn(
      'pebble-challtestsrv',
      ['-dns01', dns, '-http01', '', '-https01', '', '-tlsalpn01', '', '-management', '', '-defaultIPv6', ''],
      { stdio: 'ignore' },
    ),
    spawn('pebble', ['-config', file('config.json'), '-dnsserver', dns], {
      stdio: 'ignore',
      env: environment,
    }),
  ];
  const directoryUrl = `https://localhost:${port}/dir`;
  await pollUntil(() => answers(directoryUrl), {
    timeoutMs: 20_000,
    onTimeout: () => new Error('the ACME server does not answer'),
  });
  return {
    directoryUrl,
    stop: async () => {
      for (const child of children) child.kill();
      await rm(folder, { recursive: true });
    },
  };
}

function answers(url: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    request(url, { rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? true : undefined);
    })
      .on('error', () => resolve(undefined))
      .end();
  });
}
