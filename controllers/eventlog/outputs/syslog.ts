import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { isIP, isIPv6 } from 'node:net';
import tls from 'node:tls';
import { pinHost, type PinnedHost } from '@skyarc/lib/egress';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { Delivery, OutputLine, Send } from './output.ts';

const timeoutMs = 15_000;
/** Facility local0 (RFC 5424, 6.2.1). */
const facility = 16;
const severities: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3 };
/** A datagram stays below the usual MTU's reassembly limits. */
const maxDatagramBytes = 8_192;

/**
 * RFC 5424 with octet counting over TCP and TLS (RFC 6587, RFC 5425). Syslog has no acknowledgement: a batch
 * counts as delivered when the receiver took all bytes and closed our half in order, so what a receiver loses
 * itself is lost.
 */
export const sendSyslog: Send<'SYSLOG'> = async (delivery) => {
  const { settings, policy } = delivery;
  const pinned = await pinHost(settings.host, policy);
  try {
    if (settings.transport === 'UDP') await sendDatagrams(pinned, delivery);
    else await sendStream(pinned, delivery);
  } catch (cause) {
    throw new AppError('UNAVAILABLE', `${settings.host} does not take lines: ${messageOf(cause)}`, { cause });
  }
};

async function sendStream(
  { host, address }: PinnedHost,
  { settings, lines, signal }: Delivery<'SYSLOG'>,
): Promise<void> {
  const { port, transport } = settings;
  const place = { host: address, port };
  const socket =
    transport === 'TLS'
      ? tls.connect({ ...place, ...(isIP(host) ? {} : { servername: host }) })
      : net.connect(place);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const abort = (): void => void socket.destroy(new Error('it took too long'));
  limit.addEventListener('abort', abort, { once: true });
  socket.resume();
  try {
    await once(socket, transport === 'TLS' ? 'secureConnect' : 'connect');
    const frames = lines.map((line) => {
      const message = Buffer.from(messageFor(line));
      return Buffer.concat([Buffer.from(`${message.length} `), message]);
    });
    const closed = once(socket, 'close');
    socket.end(Buffer.concat(frames));
    // A reset before the end is an error event; a close in order follows the receiver's own end.
    await closed;
  } finally {
    limit.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function sendDatagrams(
  { address }: PinnedHost,
  { settings, lines }: Delivery<'SYSLOG'>,
): Promise<void> {
  const socket = dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    for (const line of lines) {
      const data = Buffer.from(messageFor(line)).subarray(0, maxDatagramBytes);
      await new Promise<void>((resolve, reject) => {
        socket.send(data, settings.port, address, (error) => (error ? reject(error) : resolve()));
      });
    }
  } finally {
    socket.close();
  }
}

/** One message; team, app and sequence are structured data (RFC 5424, 6.3). */
export function messageFor(line: OutputLine): string {
  const { timeMs, text, level, team, app, source, sequence, appId } = line;
  const priority = facility * 8 + (severities[level] ?? 6);
  const [pod = '-', container = '-'] = source.split('/');
  const data = `[skyarc@32473 team="${escaped(team)}" appId="${escaped(appId)}" sequence="${sequence}"]`;
  const head = `<${priority}>1 ${new Date(timeMs).toISOString()} ${nameOf(pod, 255)} ${nameOf(app, 48)} ${nameOf(container, 128)} -`;
  return `${head} ${data} ${text}`;
}

/** Printable US-ASCII without spaces, as the header's fields are. */
function nameOf(text: string, maxLength: number): string {
  return text.replace(/[^!-~]/g, '_').slice(0, maxLength) || '-';
}

function escaped(text: string): string {
  return text.replace(/["\\\]]/g, (character) => `\\${character}`);
}
