import { AppError } from '@skyarc/lib/errors';
import { type Client, crypto } from 'acme-client';
import { sayOf } from './account.ts';

/** PEM texts of what the server issued, leaf first, and of the new key. */
export interface Issued {
  readonly chain: string;
  readonly privateKey: string;
}

/** Makes key authorizations by token answerable at every gateway, and takes them back. */
export interface ChallengeBoard {
  put(challenges: Readonly<Record<string, string>>): Promise<void>;
  clear(): Promise<void>;
}

/**
 * One order by http-01 (RFC 8555, 7.4 and 8.3), with a new key each time. Nothing is kept of an order that did not
 * end: the next one begins anew, and the server hands out authorizations again that are still valid.
 * Throws INVALID with what the server said of a host that it could not validate.
 */
export async function orderCertificate(
  client: Client,
  hosts: readonly string[],
  board: ChallengeBoard,
): Promise<Issued> {
  try {
    const order = await client.createOrder({
      identifiers: hosts.map((value) => ({ type: 'dns', value })),
    });
    await authorize(client, await client.getAuthorizations(order), board);
    const [privateKey, csr] = await crypto.createCsr(
      { commonName: hosts[0], altNames: [...hosts] },
      await crypto.createPrivateEcdsaKey(),
    );
    const chain = await client.getCertificate(await client.finalizeOrder(order, csr));
    return { chain, privateKey: privateKey.toString() };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('UNAVAILABLE', sayOf(error), { cause: error });
  } finally {
    await board.clear();
  }
}

async function authorize(
  client: Client,
  authorizations: Awaited<ReturnType<Client['getAuthorizations']>>,
  board: ChallengeBoard,
): Promise<void> {
  const open = authorizations.filter(({ status }) => status === 'pending');
  const asked = await Promise.all(
    open.map(async ({ identifier, challenges }) => {
      const challenge = challenges.find(({ type }) => type === 'http-01');
      if (!challenge)
        throw new AppError('INVALID', `The ACME server does not validate ${identifier.value} by http-01`);
      return {
        host: identifier.value,
        challenge,
        answer: await client.getChallengeKeyAuthorization(challenge),
      };
    }),
  );
  if (asked.length === 0) return;
  await board.put(Object.fromEntries(asked.map(({ challenge, answer }) => [challenge.token, answer])));
  await Promise.all(
    asked.map(async ({ host, challenge }) => {
      try {
        await client.completeChallenge(challenge);
        await client.waitForValidStatus(challenge);
      } catch (error) {
        throw new AppError(
          'INVALID',
          `The ACME server could not validate ${host}: ${sayOf(error)}; does its name lead to this gateway, on port 80?`,
          { cause: error },
        );
      }
    }),
  );
}
