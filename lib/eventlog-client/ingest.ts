import net from 'node:net';
import { AppError, type ErrorCode, messageOf } from '@skyarc/lib/errors';
import { BlockBuilder, encodeBatch } from '@skyarc/lib/log-block';
import type { NewFrame } from './frame.ts';

export interface IngestClient {
  /** Resolves with the number of new frames once they are durable. Throws UNAVAILABLE, EXHAUSTED, INVALID. */
  append(frames: readonly NewFrame[]): Promise<number>;
  close(): void;
}

interface Waiting {
  readonly resolve: (stored: number) => void;
  readonly reject: (error: AppError) => void;
}

const answerTimeoutMs = 15_000;

/**
 * The collectors' way into the event log, e.g. `tcp://127.0.0.1:6362`; connects when needed, keeps the order. Of
 * several, with commas between them, the next one is taken whenever a connection broke.
 */
export function createIngestClient(urls: string): IngestClient {
  const servers = urls.split(',').map((url) => new URL(url));
  let asked = 0;
  let connection: Connection | undefined;
  const connect = (): Connection => {
    const { hostname = '', port = '' } = servers[asked % servers.length] ?? {};
    asked += 1;
    return new Connection(hostname, Number(port));
  };
  let closed = false;
  return {
    async append(frames) {
      if (closed) throw new AppError('CANCELED', 'The connection to the event log was closed');
      if (!connection || connection.broken) connection = connect();
      return connection.append(frames);
    },
    close() {
      closed = true;
      connection?.break(new AppError('CANCELED', 'The connection to the event log was closed'));
    },
  };
}

/** One socket; batches are answered in the order in which they were sent. */
class Connection {
  private readonly socket: net.Socket;
  private waiting: Waiting[] = [];
  private data = Buffer.alloc(0);
  private timer: NodeJS.Timeout | undefined;
  broken = false;

  constructor(host: string, port: number) {
    this.socket = net.connect({ host, port, noDelay: true, keepAlive: true });
    this.socket.on('data', (chunk) => this.receive(chunk));
    this.socket.on('error', (error) => this.break(this.unavailable(error)));
    this.socket.on('close', () => this.break(this.unavailable('the connection was closed')));
  }

  async append(frames: readonly NewFrame[]): Promise<number> {
    const batch = batchOf(frames);
    return new Promise<number>((resolve, reject) => {
      if (this.broken) return reject(this.unavailable('the connection was closed'));
      this.waiting.push({ resolve, reject });
      this.timer ??= this.expectAnswer();
      this.socket.write(batch);
    });
  }

  break(error: AppError): void {
    this.broken = true;
    clearTimeout(this.timer);
    this.socket.destroy();
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }

  private receive(chunk: Buffer): void {
    this.data = Buffer.concat([this.data, chunk]);
    while (this.data.length >= 4 && this.data.length >= 4 + this.data.readUInt32BE(0)) {
      const end = 4 + this.data.readUInt32BE(0);
      const answer = JSON.parse(this.data.toString('utf8', 4, end)) as Answer;
      this.data = this.data.subarray(end);
      const first = this.waiting.shift();
      clearTimeout(this.timer);
      this.timer = this.waiting.length > 0 ? this.expectAnswer() : undefined;
      if (answer.code) first?.reject(new AppError(answer.code, answer.message ?? answer.code));
      else first?.resolve(answer.stored ?? 0);
    }
  }

  private expectAnswer(): NodeJS.Timeout {
    return setTimeout(() => this.break(this.unavailable('it does not answer')), answerTimeoutMs);
  }

  private unavailable(cause: unknown): AppError {
    return new AppError('UNAVAILABLE', `Cannot reach the event log: ${messageOf(cause)}`, { cause });
  }
}

/** One block a stream; lines of more than 64 KiB are cut. */
function batchOf(frames: readonly NewFrame[]): Buffer {
  const builders = new Map<string, BlockBuilder>();
  for (const { stream, line, timeMs, producerSeq, ...origin } of frames) {
    let builder = builders.get(stream);
    if (!builder) builders.set(stream, (builder = new BlockBuilder(frames.length * 128)));
    builder.add({ origin, timeMs, producerSeq }, line);
  }
  return encodeBatch([...builders].map(([stream, builder]) => ({ stream, block: builder.build() })));
}

interface Answer {
  readonly stored?: number;
  readonly code?: ErrorCode;
  readonly message?: string;
}
