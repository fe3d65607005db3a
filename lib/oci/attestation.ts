import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import type { ImageKeys, ImageReference } from './signature.ts';

/** What is said of an image (in-toto Statement v1, https://github.com/in-toto/attestation). */
export interface Statement {
  readonly predicateType: string;
  readonly predicate: unknown;
}

/** A signed text (DSSE 1.0, https://github.com/secure-systems-lab/dsse). */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

export const envelopeType = 'application/vnd.dsse.envelope.v1+json';
const payloadType = 'application/vnd.in-toto+json';

/** The statement about the image, signed. */
export function attest(image: ImageReference, statement: Statement, keys: ImageKeys): Envelope {
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: image.repository, digest: { sha256: image.digest.replace('sha256:', '') } }],
      ...statement,
    }),
  );
  const sig = sign('sha256', encode(payload), createPrivateKey(keys.privateKey)).toString('base64');
  return { payloadType, payload: payload.toString('base64'), signatures: [{ keyid: '', sig }] };
}

/** What an envelope says of the image; throws INVALID when it is forged or about another one. */
export function openAttestation(envelope: Envelope, image: ImageReference, publicKey: string): Statement {
  const payload = Buffer.from(envelope.payload, 'base64');
  const key = createPublicKey(publicKey);
  const isOurs = envelope.signatures.some(({ sig }) =>
    verify('sha256', encode(payload), key, Buffer.from(sig, 'base64')),
  );
  if (!isOurs) throw new AppError('INVALID', 'The attestation is not signed by this data centre');
  const said = JSON.parse(payload.toString()) as Statement & {
    subject: readonly { digest: { sha256: string } }[];
  };
  if (!said.subject.some(({ digest }) => `sha256:${digest.sha256}` === image.digest))
    throw new AppError('INVALID', 'The attestation is about another image');
  return said;
}

/** Pre-authentication encoding of DSSE. */
function encode(payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    payload,
  ]);
}
