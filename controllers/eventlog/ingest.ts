import net from 'node:net';
import { fromBinary } from '@bufbuild/protobuf';
import { AppendRequestSchema } from '@skyarc/lib/contracts/generated/skyarc/eventlog/v1/eventlog_pb.js';
import { AppError, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { incomingOf } from './service.ts';
import type { LogStore } from './store/log-store.ts';

const maxBatchBytes = 4 << 20;
const maxUnanswered = 16;

/**
 * The collectors' door: each batch is a big-endian u32 length and a protobuf AppendRequest; answers come in
 * the same order, a u32 length and JSON: `{"stored": n}` after the batch is durable, or `{"code", "message"}`.
 */
export async function startIngest(host: string, port: number, store: LogStore): Promise<RunningService> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    void serve(socket, store).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  }).catch((cause: Error) => {
    throw new AppError('UNAVAILABLE', `Cannot listen on ${host}:${port}: ${cause.message}`, { cause });
  });
  return {
    url: `tcp://${host}:${(server.address() as net.AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroySoon();
      }),
  };
}

async function serve(socket: net.Socket, store: LogStore): Promise<void> {
  let answers: Promise<unknown> = Promise.resolve();
  let unanswered = 0;
  for await (const batch of batches(socket)) {
    // Begun at once, so that it shares a sync with the batches before it; answered in order.
    const answer = answerOf(store, batch);
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

async function answerOf(store: LogStore, batch: Buffer): Promise<unknown> {
  try {
    return { stored: await store.append(incomingOf(parse(batch))) };
  } catch (error) {
    const appError = toAppError(error);
    return { code: appError.code, message: publicMessageOf(appError) };
  }
}

function parse(batch: Buffer) {
  try {
    return fromBinary(AppendRequestSchema, batch).frames;
  } catch (cause) {
    throw new AppError('INVALID', 'The batch is not an AppendRequest', { cause });
  }
}

async function* batches(socket: net.Socket): AsyncGenerator<Buffer> {
  let data = Buffer.alloc(0);
  for await (const chunk of socket) {
    data = Buffer.concat([data, chunk as Buffer]);
    while (data.length >= 4) {
      const length = data.readUInt32BE(0);
      if (length > maxBatchBytes) throw new AppError('INVALID', `A batch of ${length} bytes is too large`);
      if (data.length < 4 + length) break;
      yield data.subarray(4, 4 + length);
      data = data.subarray(4 + length);
    }
  }
}
