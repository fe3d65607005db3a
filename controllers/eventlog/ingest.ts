import { on } from 'node:events';
import net from 'node:net';
import { AppError, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { listen, type RunningService } from '@skyarc/lib/lifecycle';
import { decodeBatch, maxBatchBytes } from '@skyarc/lib/log-block';
import { BatchMemory } from './batch-memory.ts';
import type { EventLog } from './event-log.ts';
import { checkedItems } from './service.ts';

const maxUnanswered = 16;

/**
 * The collectors' door: batches of blocks (lib/log-block); answers come in the same order, a big-endian u32
 * length and JSON: `{"stored": n}` after the batch is durable, or `{"code", "message"}`. While too much waits
 * for the disk nothing more is read, so that senders are held back by TCP.
 */
export async function startIngest(host: string, port: number, log: EventLog): Promise<RunningService> {
  const sockets = new Set<net.Socket>();
  const memory = new BatchMemory();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    void serve(socket, log, memory).catch(() => socket.destroy());
  });
  const bound = await listen(server, { host, port });
  return {
    url: `tcp://${host}:${bound}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroySoon();
      }),
  };
}

async function serve(socket: net.Socket, log: EventLog, memory: BatchMemory): Promise<void> {
  let answers: Promise<unknown> = Promise.resolve();
  let unanswered = 0;
  for await (const batch of batches(socket, memory)) {
    const giveBack = await log.room(batch.length);
    giveBack();
    // Begun at once, so that it shares a sync with the batches before it; answered in order.
    const answer = answerOf(log, batch, memory);
    unanswered += 1;
    answers = answers.then(async () => {
      const body = Buffer.from(JSON.stringify(await answer));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      unanswered -= 1;
      if (!socket.destroyed) socket.write(Buffer.concat([length, body]));
    });
    if (unanswered >= maxUnanswered) await answers;
  }
  await answers;
}

async function answerOf(log: EventLog, batch: Buffer, memory: BatchMemory): Promise<unknown> {
  try {
    const stored = await log.append(checkedItems(decodeBatch(batch)));
    // Only then: of a batch that failed some part may still be looked at.
    memory.giveBack(batch);
    return { stored };
  } catch (error) {
    const appError = toAppError(error);
    return { code: appError.code, message: publicMessageOf(appError) };
  }
}

const lengthBytes = 4;

/** The socket is read only while at most one chunk of it waits. */
const flow = { close: ['close'], highWaterMark: 1, lowWaterMark: 1 };

/** Whole batches without their lengths. */
async function* batches(socket: net.Socket, memory: BatchMemory): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  let batch: Buffer | undefined;
  let filled = 0;
  for await (const [chunk] of on(socket, 'data', flow) as AsyncIterable<[Buffer]>) {
    for (let at = 0; at < chunk.length;) {
      if (!batch) {
        const part = chunk.subarray(at, at + lengthBytes - head.length);
        at += part.length;
        head = Buffer.concat([head, part]);
        if (head.length < lengthBytes) continue;
        batch = memory.take(checkedLength(head.readUInt32BE(0)));
        head = Buffer.alloc(0);
        filled = 0;
      }
      const copied = chunk.copy(batch, filled, at);
      at += copied;
      filled += copied;
      if (filled < batch.length) continue;
      yield batch;
      batch = undefined;
    }
    free(chunk);
  }
}

/** Gives back at once what a socket read and nobody looks at again: garbage of this rate is not collected in time. */
function free(chunk: Buffer): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.length) buffer.transfer(0);
}

function checkedLength(length: number): number {
  if (length > maxBatchBytes) throw new AppError('INVALID', `A batch of ${length} bytes is too large`);
  return length;
}
