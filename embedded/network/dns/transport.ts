import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { NameServer } from './name-servers.ts';

const timeoutMs = 1_500;

/** The server's answer over UDP, from a port of its own and with an id that nobody can guess. */
export async function askUdp({ address, port }: NameServer, question: Buffer): Promise<Buffer> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const sent = withNewId(question);
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${address} did not answer`)), timeoutMs);
      socket.once('close', () => clearTimeout(timer));
      socket.once('error', reject);
      socket.on('message', (message) => {
        if (isAnswerTo(sent, message)) resolve(message);
      });
      // A connected socket takes datagrams from that server only.
      socket.connect(port, address, () => socket.send(sent));
    });
  } finally {
    socket.close();
  }
}

export async function askTcp({ address, port }: NameServer, question: Buffer): Promise<Buffer> {
  const socket = connect({ host: address, port });
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${address} did not answer`)));
  const sent = withNewId(question);
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      socket.once('error', reject).once('close', () => reject(new Error(`${address} closed`)));
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        if (isAnswerTo(sent, message)) resolve(message);
        else reject(new Error(`${address} answered something else`));
      });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(sent.length);
      socket.write(Buffer.concat([length, sent]));
    });
  } finally {
    socket.destroy();
  }
}

function withNewId(question: Buffer): Buffer {
  const message = Buffer.from(question);
  message.writeUInt16BE(randomInt(65_536), 0);
  return message;
}

/** The same id and the same question, whatever the spelling. */
function isAnswerTo(question: Buffer, message: Buffer): boolean {
  if (message.length < 12 || message.readUInt16BE(0) !== question.readUInt16BE(0)) return false;
  if ((message.readUInt8(2) & 0x80) === 0) return false;
  if (message.readUInt16BE(4) !== 1) return false;
  const end = question.length - optBytes;
  const text = (bytes: Buffer) => bytes.subarray(12, end).toString('latin1').toLowerCase();
  return text(message) === text(question);
}

/** Of the OPT record that ends each of our questions. */
const optBytes = 11;
