import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { pinHost } from '@skyarc/lib/egress';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { createTransport } from 'nodemailer';
import { textOf, titleOf } from '../text.ts';
import type { Channel } from './channel.ts';

const timeoutMs = 10_000;

/** By SMTP (RFC 5321); alerts of one group are one thread. */
export const mail: Channel<'MAIL'> = async ({ notification, settings, secret, policy }) => {
  const { host, port, tls, username, from, to } = settings;
  const pinned = await pinHost(host, policy);
  const thread = createHash('sha256').update(notification.groupKey).digest('hex').slice(0, 32);
  const transport = createTransport({
    host: pinned.address,
    port,
    secure: tls,
    tls: isIP(pinned.host) ? {} : { servername: pinned.host },
    ...(username === undefined ? {} : { auth: { user: username, pass: secret.password ?? '' } }),
    // A password is never sent in the clear.
    requireTLS: !tls && username !== undefined && !isLoopback(pinned.address),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from,
      to: [...to],
      subject: titleOf(notification),
      text: `${textOf(notification)}\n`,
      headers: { 'Auto-Submitted': 'auto-generated', References: `<${thread}@skyarc>` },
    });
  } catch (cause) {
    const { responseCode } = cause as { readonly responseCode?: number };
    const isRefused = responseCode !== undefined && responseCode >= 500;
    throw new AppError(isRefused ? 'INVALID' : 'UNAVAILABLE', `Mail server ${host}: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    transport.close();
  }
};

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
