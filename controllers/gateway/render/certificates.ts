import { createPrivateKey, X509Certificate } from 'node:crypto';
import { messageOf } from '@skyarc/lib/errors';
import type { Certificate, Secret } from './model.ts';

/** Checked pairs by secret object, which informers replace on each change: parsing keys on each sync would cost more than all the rest. */
const checked = new WeakMap<Secret, Certificate | string>();

/** The certificate of a `kubernetes.io/tls` secret; a text says why it cannot be used. */
export function certificateOf(secret: Secret | undefined): Certificate | string {
  if (!secret) return 'does not exist';
  const known = checked.get(secret) ?? check(secret);
  checked.set(secret, known);
  return known;
}

function check(secret: Secret): Certificate | string {
  const read = (name: string) => Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8');
  const [cert, key] = [read('tls.crt'), read('tls.key')];
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
      ? { cert, key }
      : 'has a key that is not that of its certificate';
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}
