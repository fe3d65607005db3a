import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '@skyarc/lib/files';
import { isObject, type JsonObject } from '../object.ts';

export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  /** The token dies with this pod. */
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** Signs and checks service-account tokens: JWT (RFC 7519) with ES256 and the claims of Kubernetes. */
export class TokenIssuer {
  readonly issuer: string;
  private readonly privateKey: KeyObject;
  private readonly publicKey: KeyObject;

  constructor(keyPem: string, issuer: string) {
    this.issuer = issuer;
    this.privateKey = createPrivateKey(keyPem);
    this.publicKey = createPublicKey(this.privateKey);
  }

  /** With the key kept in `<folder>/sa.key`, made on first use. */
  static async ensure(folder: string, issuer: string): Promise<TokenIssuer> {
    const file = join(folder, 'sa.key');
    const existing = await readFile(file, 'utf8').catch(() => '');
    if (existing) return new TokenIssuer(existing, issuer);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await mkdir(folder, { recursive: true });
    await replaceFile(file, pem, { flush: true });
    return new TokenIssuer(pem, issuer);
  }

  issue(request: TokenRequest): IssuedToken {
    const now = Math.floor(Date.now() / 1_000);
    const expires = now + Math.max(request.expirationSeconds ?? 3_600, 600);
    const audiences = request.audiences?.length ? request.audiences : [this.issuer];
    const claims = {
      aud: audiences,
      exp: expires,
      iat: now,
      nbf: now,
      iss: this.issuer,
      jti: randomUUID(),
      sub: `system:serviceaccount:${request.namespace}:${request.serviceAccount.name}`,
      'kubernetes.io': {
        namespace: request.namespace,
        serviceaccount: request.serviceAccount,
        ...(request.pod ? { pod: request.pod } : {}),
      },
    };
    const body = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(body), { key: this.privateKey, dsaEncoding: 'ieee-p1363' });
    return { token: `${body}.${signature.toString('base64url')}`, expiresAt: new Date(expires * 1_000) };
  }

  /** The claims of a token of ours that is valid now for this API; null for any other text. */
  check(token: string): TokenRequest | null {
    const [header = '', payload = '', signature = '', ...rest] = token.split('.');
    if (rest.length > 0 || decode(header)?.['alg'] !== 'ES256') return null;
    const key = { key: this.publicKey, dsaEncoding: 'ieee-p1363' as const };
    if (!verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')))
      return null;
    const claims = decode(payload);
    const now = Date.now() / 1_000;
    const isCurrent =
      claims?.['iss'] === this.issuer && Number(claims['exp']) > now && Number(claims['nbf']) <= now + 5;
    const isForUs = Array.isArray(claims?.['aud']) && claims['aud'].includes(this.issuer);
    if (!isCurrent || !isForUs || !isObject(claims['kubernetes.io'])) return null;
    const { namespace, serviceaccount, pod } = claims['kubernetes.io'];
    return {
      namespace: String(namespace),
      serviceAccount: serviceaccount as TokenRequest['serviceAccount'],
      pod: pod as TokenRequest['pod'],
    };
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
