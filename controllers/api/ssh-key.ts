import { generateKeyPairSync, randomBytes } from 'node:crypto';

export interface SshKeyPair {
  /** One line as in authorized_keys(5). */
  readonly publicKey: string;
  /** OpenSSH's own format, which every version of ssh reads (PROTOCOL.key). */
  readonly privateKey: string;
}

const type = 'ssh-ed25519';

/** A new Ed25519 key pair without a passphrase. */
export function newSshKey(comment: string): SshKeyPair {
  const { privateKey } = generateKeyPairSync('ed25519');
  const jwk = privateKey.export({ format: 'jwk' });
  const open = Buffer.from(jwk.x ?? '', 'base64url');
  const seed = Buffer.from(jwk.d ?? '', 'base64url');
  const publicBlob = Buffer.concat([text(type), text(open)]);
  const mark = randomBytes(4);
  const secret = Buffer.concat([
    mark,
    mark,
    text(type),
    text(open),
    text(Buffer.concat([seed, open])),
    text(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const count = Buffer.from([0, 0, 0, 1]);
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    text('none'),
    text('none'),
    text(''),
    count,
    text(publicBlob),
    text(Buffer.concat([secret, padding])),
  ]).toString('base64');
  const lines = body.match(/.{1,70}/g) ?? [];
  return {
    publicKey: `${type} ${publicBlob.toString('base64')} ${comment}`,
    privateKey: [
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      ...lines,
      '-----END OPENSSH PRIVATE KEY-----',
      '',
    ].join('\n'),
  };
}

/** RFC 4251, section 5: `string`. */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
