import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { serviceName } from '../config.ts';

/** What a token lets its bearer do. */
export interface Grant {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** How long a token is good, in seconds: an upload that began with it may end later. */
export const tokenSeconds = 300;

/** Signs tokens that the registry believes (RFC 7519 by the token specification of Distribution, ES256). */
export class TokenIssuer {
  /** Certificate of the key, which the registry is configured with. */
  readonly certFile: string;
  private readonly key: KeyObject;
  private readonly keyId: string;

  private constructor(certFile: string, privateKey: string) {
    this.certFile = certFile;
    this.key = createPrivateKey(privateKey);
    this.keyId = keyIdOf(createPublicKey(privateKey));
  }

  /** With the key pair kept in the folder; made at the first use. */
  static async ensure(folder: string): Promise<TokenIssuer> {
    const authority = await CertificateAuthority.ensure(folder, 'Skyarc registry tokens');
    return new TokenIssuer(join(folder, 'ca.crt'), authority.signingKeyPem);
  }

  issue(subject: string, access: readonly Grant[]): string {
    const now = Math.floor(Date.now() / 1000);
    const parts = [
      { typ: 'JWT', alg: 'ES256', kid: this.keyId },
      {
        iss: serviceName,
        aud: serviceName,
        sub: subject,
        iat: now,
        nbf: now - 10,
        exp: now + tokenSeconds,
        jti: randomUUID(),
        access,
      },
    ];
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const signature = sign('sha256', Buffer.from(text), { key: this.key, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }
}

/** As the registry names keys: base32 of 240 bits of the hash of the public key (libtrust). */
function keyIdOf(key: KeyObject): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const hash = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
  let text = '';
  let bits = 0n;
  for (const byte of hash.subarray(0, 30)) bits = (bits << 8n) | BigInt(byte);
  for (let shift = 235n; shift >= 0n; shift -= 5n) text += alphabet[Number((bits >> shift) & 31n)];
  return (text.match(/.{4}/g) ?? []).join(':');
}
