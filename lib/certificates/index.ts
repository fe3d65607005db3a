import 'reflect-metadata';
export { readServedCertificate, type ServedCertificate } from './served.ts';
import { webcrypto } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { replaceFile } from '../files/index.ts';

x509.cryptoProvider.set(webcrypto as never);
/** The key pair as the x509 package types it. */
type SigningKeys = Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[0]['keys'];
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** PEM texts of a certificate (leaf first, then its issuer) and its private key (PKCS #8). */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface LeafRequest {
  /** Subject common name; for Kubernetes clients the user. */
  readonly commonName: string;
  /** Subject organisations; for Kubernetes clients the groups. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses of a server; none for a client. */
  readonly names?: readonly string[];
  readonly usage: 'server' | 'client';
  readonly days?: number;
}

/** A certificate authority of our own (RFC 5280, ECDSA P-256). */
export class CertificateAuthority {
  readonly cert: string;
  private readonly certificate: x509.X509Certificate;
  private readonly keys: SigningKeys;
  private readonly keyPem: string;

  private constructor(certificate: x509.X509Certificate, keys: SigningKeys, keyPem: string) {
    this.cert = certificate.toString('pem');
    this.certificate = certificate;
    this.keys = keys;
    this.keyPem = keyPem;
  }

  /** The authority kept in `<folder>/ca.crt` and `ca.key`; made on first use, valid for ten years. */
  static async ensure(folder: string, commonName: string): Promise<CertificateAuthority> {
    const existing = await readPair(folder, 'ca');
    if (existing) return CertificateAuthority.load(existing);
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: [{ CN: [commonName] }],
      ...validity(3650),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const pair = { cert: certificate.toString('pem'), key: await exportKey(keys) };
    await writePair(folder, 'ca', pair);
    return CertificateAuthority.load(pair);
  }

  private static async load(pair: KeyPair): Promise<CertificateAuthority> {
    const certificate = new x509.X509Certificate(pair.cert);
    const privateKey = await webcrypto.subtle.importKey(
      'pkcs8',
      x509.PemConverter.decodeFirst(pair.key),
      algorithm,
      true,
      ['sign'],
    );
    const publicKey = await certificate.publicKey.export(algorithm, ['verify']);
    return new CertificateAuthority(
      certificate,
      { privateKey, publicKey } as unknown as SigningKeys,
      pair.key,
    );
  }

  /** The authority's own key, PEM (PKCS #8): for signing service-account tokens only. */
  get signingKeyPem(): string {
    return this.keyPem;
  }

  /** A new leaf certificate signed by this authority. */
  async issue(request: LeafRequest): Promise<KeyPair> {
    const keys = await newKeys();
    const purpose = request.usage === 'server' ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2';
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [
        { CN: [request.commonName] },
        ...(request.organizations ?? []).map((name) => ({ O: [name] })),
      ],
      issuer: this.certificate.subject,
      ...validity(request.days ?? 365),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([purpose]),
        ...(request.names?.length
          ? [
              new x509.SubjectAlternativeNameExtension(
                request.names.map((name) => ({
                  type: isIP(name) ? ('ip' as const) : ('dns' as const),
                  value: name,
                })),
              ),
            ]
          : []),
        await x509.AuthorityKeyIdentifierExtension.create(this.keys.publicKey),
      ],
    });
    return { cert: certificate.toString('pem') + '\n' + this.cert, key: await exportKey(keys) };
  }

  /** The leaf kept in `<folder>/<file>.crt` and `.key`; renewed when missing, foreign or past two thirds of its life. */
  async ensureLeaf(folder: string, file: string, request: LeafRequest): Promise<KeyPair> {
    const existing = await readPair(folder, file);
    if (existing && (await this.isFresh(existing, request))) return existing;
    const pair = await this.issue(request);
    await writePair(folder, file, pair);
    return pair;
  }

  private async isFresh(pair: KeyPair, request: LeafRequest): Promise<boolean> {
    const leaf = new x509.X509Certificate(pair.cert);
    const names =
      leaf.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map((name) => name.value) ?? [];
    const renewAt = leaf.notBefore.getTime() + (leaf.notAfter.getTime() - leaf.notBefore.getTime()) * (2 / 3);
    return (
      Date.now() < renewAt &&
      (request.names ?? []).every((name) => names.includes(name)) &&
      (await leaf.verify({ publicKey: this.certificate.publicKey }))
    );
  }
}

async function newKeys(): Promise<SigningKeys> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as unknown as SigningKeys;
}

async function exportKey({ privateKey }: SigningKeys): Promise<string> {
  return (
    x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY') + '\n'
  );
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const clockSkewMs = 5 * 60_000;
  return {
    notBefore: new Date(Date.now() - clockSkewMs),
    notAfter: new Date(Date.now() + days * 86_400_000),
  };
}

async function readPair(folder: string, file: string): Promise<KeyPair | null> {
  try {
    const [cert, key] = await Promise.all(
      ['crt', 'key'].map((extension) => readFile(join(folder, `${file}.${extension}`), 'utf8')),
    );
    return cert && key ? { cert, key } : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The key is in place before its certificate, each by rename, so a crash leaves no half pair that is taken for whole. */
async function writePair(folder: string, file: string, pair: KeyPair): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [extension, text] of [
    ['key', pair.key],
    ['crt', pair.cert],
  ] as const) {
    await replaceFile(join(folder, `${file}.${extension}`), text, { flush: true });
  }
}
