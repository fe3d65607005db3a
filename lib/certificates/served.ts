import 'reflect-metadata';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { AppError, messageOf } from '@skyarc/lib/errors';
import * as x509 from '@peculiar/x509';

/** What a server shows its clients, checked: PEM texts and what they say. */
export interface ServedCertificate {
  /** Leaf first, each signed by the next. */
  readonly chain: string;
  /** PKCS #8. */
  readonly privateKey: string;
  /** DNS names of the leaf in lower case, wildcards included. */
  readonly hosts: readonly string[];
  /** Common name or organisation of the leaf's issuer. */
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** As browsers refuse them: CA/Browser Forum Baseline Requirements 6.1.5 and 7.1.3.2. */
const curves = ['prime256v1', 'secp384r1', 'secp521r1'];
const minRsaBits = 2_048;
const maxRsaBits = 8_192;
const maxChain = 10;

/**
 * Reads a certificate chain and its key as a server is given them. Throws INVALID whose details name the field
 * (`chain` or `privateKey`) when a text is not PEM, the key is not the leaf's, is weak or locked, a certificate is
 * not signed by the next one, the leaf has no host names, or it is not valid now.
 */
export function readServedCertificate(
  texts: { readonly chain: string; readonly privateKey: string },
  now = new Date(),
): ServedCertificate {
  const chain = readChain(texts.chain);
  const [leaf] = chain as [X509Certificate];
  const key = readKey(texts.privateKey);
  if (!leaf.checkPrivateKey(key))
    refuse('privateKey', 'is not the key of the first certificate of the chain');
  requireStrong(key);
  requireSigned(chain);
  const notBefore = new Date(leaf.validFrom);
  const notAfter = new Date(leaf.validTo);
  if (notAfter <= now) refuse('chain', `ended on ${notAfter.toISOString().slice(0, 10)}`);
  if (notBefore > now) refuse('chain', `begins only on ${notBefore.toISOString().slice(0, 10)}`);
  const hosts = hostsOf(leaf);
  if (hosts.length === 0) refuse('chain', 'names no host (subjectAltName, RFC 9525)');
  return {
    chain: chain.map((one) => one.toString().trim()).join('\n') + '\n',
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    hosts,
    issuer: issuerOf(leaf),
    notBefore,
    notAfter,
  };
}

function readChain(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) refuse('chain', 'has no PEM certificate');
  if (blocks.length > maxChain) refuse('chain', `has more than ${maxChain} certificates`);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw refusal('chain', `certificate ${index + 1} cannot be read: ${messageOf(cause)}`, cause);
    }
  });
}

function readKey(text: string): KeyObject {
  if (/ENCRYPTED/.test(text)) refuse('privateKey', 'is locked by a password; give it without one');
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw refusal('privateKey', 'is no PEM key (PKCS #8, PKCS #1 or SEC 1)', cause);
  }
}

function requireStrong({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): void {
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits < minRsaBits) refuse('privateKey', `has ${bits} bits; RSA needs at least ${minRsaBits}`);
    if (bits > maxRsaBits)
      refuse('privateKey', `has ${bits} bits; more than ${maxRsaBits} only slow the gateway`);
  } else if (type === 'ec') {
    const curve = details?.namedCurve ?? '';
    if (!curves.includes(curve)) refuse('privateKey', `is on the curve ${curve}; use P-256, P-384 or P-521`);
  } else if (type !== 'ed25519') {
    refuse('privateKey', `is a ${type} key; use ECDSA, RSA or Ed25519`);
  }
}

/** Each by the next, none by a digest that can be forged. A self-signed root at the end is let be. */
function requireSigned(chain: readonly X509Certificate[]): void {
  for (const [index, certificate] of chain.entries()) {
    const { hash } = new x509.X509Certificate(certificate.raw).signatureAlgorithm as {
      hash?: { name: string };
    };
    const issuer = chain[index + 1];
    const isSelfSigned = certificate.subject === certificate.issuer;
    if (!isSelfSigned && /^(SHA-1|MD5)$/i.test(hash?.name ?? ''))
      refuse('chain', `certificate ${index + 1} is signed with ${hash?.name}`);
    if (!issuer) return;
    const isSigned = certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
    if (!isSigned)
      refuse(
        'chain',
        `certificate ${index + 1} is not signed by the next one; order: host, then its issuers`,
      );
    if (!issuer.ca) refuse('chain', `certificate ${index + 2} may not issue others`);
  }
}

function hostsOf(leaf: X509Certificate): string[] {
  const names = new x509.X509Certificate(leaf.raw).getExtension(x509.SubjectAlternativeNameExtension)?.names
    .items;
  const hosts = (names ?? []).filter(({ type }) => type === 'dns').map(({ value }) => value.toLowerCase());
  return [...new Set(hosts)];
}

function issuerOf(leaf: X509Certificate): string {
  const name = (field: string) => new RegExp(`^${field}=(.+)$`, 'm').exec(leaf.issuer)?.[1];
  return (name('CN') ?? name('O') ?? leaf.issuer).slice(0, 200);
}

function refusal(field: string, message: string, cause?: unknown): AppError {
  return new AppError('INVALID', `${field}: ${message}`, { details: { field }, cause });
}

function refuse(field: string, message: string): never {
  throw refusal(field, message);
}
