import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { type DataCenterDatabase, readSettings } from '@skyarc/prisma/datacenter';
import { Client, crypto } from 'acme-client';
import { z } from 'zod';

const accountSetting = 'acme.account';
const place = 'setting:acme.account';
const account = z.object({ directoryUrl: z.string(), key: z.string(), url: z.string().nullable() });

/** Address of the ACME server and our mail address, as an administrator set them; null when it is off. */
export async function acmeServer(
  db: DataCenterDatabase,
): Promise<{ directoryUrl: string; email: string | null } | null> {
  const { acmeDirectoryUrl, acmeEmail } = await readSettings(db);
  return acmeDirectoryUrl ? { directoryUrl: acmeDirectoryUrl, email: acmeEmail || null } : null;
}

/**
 * A client with our account at the server (RFC 8555, 7.3). The key is stored before it is registered, so that a
 * crash between the two finds the same account again. Throws UNAVAILABLE when the server does not answer.
 */
export async function openAccount(
  db: DataCenterDatabase,
  secretBox: SecretBox,
  server: { readonly directoryUrl: string; readonly email: string | null },
): Promise<Client> {
  const { directoryUrl, email } = server;
  const stored = await db.setting.findUnique({ where: { name: accountSetting } });
  const known = stored && account.parse(JSON.parse(secretBox.open(stored.value, place)));
  const keep = async (value: z.infer<typeof account>) => {
    const sealed = secretBox.seal(JSON.stringify(value), place);
    await db.setting.upsert({
      where: { name: accountSetting },
      create: { name: accountSetting, value: sealed },
      update: { value: sealed },
    });
    return value;
  };
  const mine =
    known?.directoryUrl === directoryUrl
      ? known
      : await keep({ directoryUrl, key: (await crypto.createPrivateEcdsaKey()).toString(), url: null });
  const client = new Client({
    directoryUrl,
    accountKey: mine.key,
    ...(mine.url ? { accountUrl: mine.url } : {}),
    backoffAttempts: 20,
    backoffMin: 500,
    backoffMax: 5_000,
  });
  if (mine.url) return client;
  try {
    await client.createAccount({
      termsOfServiceAgreed: true,
      ...(email ? { contact: [`mailto:${email}`] } : {}),
    });
  } catch (error) {
    throw new AppError('UNAVAILABLE', `The ACME server ${directoryUrl} gave no account: ${sayOf(error)}`, {
      cause: error,
    });
  }
  await keep({ ...mine, url: client.getAccountUrl() });
  return client;
}

/** What a server or the network said, in one line. */
export function sayOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').slice(0, 400);
}
