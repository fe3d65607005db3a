import { createHash } from 'node:crypto';

/** The password that Java tries by itself. */
const password = 'changeit';

/**
 * A Java key store (JKS, as the JDK's JavaKeyStore reads it) of the certificates in a PEM bundle: Java reads no PEM.
 * Equal certificates give equal bytes.
 */
export function renderTrustStore(pem: string): Buffer {
  const blocks = pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g);
  const found = [...blocks].map((block) => Buffer.from(block[1] as string, 'base64').toString('hex'));
  const certificates = [...new Set(found)].map((hex) => Buffer.from(hex, 'hex'));
  const body = Buffer.concat([
    uint32(0xfeedfeed),
    uint32(2),
    uint32(certificates.length),
    ...certificates.flatMap((der, index) => [
      uint32(2),
      text(`certificate-${index}`),
      Buffer.alloc(8),
      text('X.509'),
      uint32(der.length),
      der,
    ]),
  ]);
  const seal = createHash('sha1').update(Buffer.from(password, 'utf16le').swap16());
  return Buffer.concat([body, seal.update('Mighty Aphrodite').update(body).digest()]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
