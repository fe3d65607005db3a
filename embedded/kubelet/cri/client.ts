import { fileURLToPath } from 'node:url';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type Client,
  type ClientReadableStream,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { AppError, type ErrorCode } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { CriCalls } from './types.ts';

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

type Unary = (
  request: object,
  metadata: Metadata,
  options: { deadline: Date },
  callback: (error: ServiceError | null, answer: unknown) => void,
) => { cancel(): void };

interface EventEnvelope {
  readonly topic: string;
  readonly event: { value: Buffer } | null;
}

const protoOptions = {
  longs: String,
  enums: String,
  bytes: Buffer,
  defaults: true,
  arrays: true,
  objects: true,
};
/** containerd's namespace for everything made by CRI. */
const criNamespace = 'k8s.io';

/**
 * Typed calls to a CRI runtime (runtime.v1) on a unix socket. Errors are AppErrors with the runtime's
 * own message: NOT_FOUND, INVALID, UNAVAILABLE, TIMEOUT, CANCELED, else INTERNAL.
 */
export class CriClient {
  private readonly clients: Record<string, Client>;
  private readonly methods = new Map<string, Unary>();

  constructor(socket: string) {
    this.clients = connect(socket);
    for (const name of ['RuntimeService', 'ImageService']) {
      const client = this.clients[name] as Client;
      for (const method of Object.keys((client.constructor as ServiceClientConstructor).service)) {
        this.methods.set(method, (client as unknown as Record<string, Unary>)[method]?.bind(client) as Unary);
      }
    }
  }

  call<K extends keyof CriCalls>(
    method: K,
    request: CriCalls[K][0],
    options: CallOptions = {},
  ): Promise<CriCalls[K][1]> {
    const unary = this.methods.get(method);
    if (!unary) throw new AppError('INTERNAL', `CRI has no call ${method}`);
    return new Promise((resolve, reject) => {
      const deadline = new Date(Date.now() + (options.timeoutMs ?? 120_000));
      const call = unary(request, new Metadata(), { deadline }, (error, answer) => {
        options.signal?.removeEventListener('abort', cancel);
        if (error) reject(toRuntimeError(method, error));
        else resolve(answer);
      });
      const cancel = () => call.cancel();
      options.signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /**
   * Calls back with the id of each container whose process started, ended or ran out of memory, until
   * the signal aborts. A hint only: after a gap `onGap` says that events may have been lost.
   */
  async followEvents(
    onContainer: (id: string, topic: string) => void,
    options: { signal: AbortSignal; onGap: () => void; log: Logger },
  ): Promise<void> {
    const { signal } = options;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const reason = await this.readEvents(onContainer, signal);
      if (signal.aborted) return;
      options.log.warn({ reason }, 'container events interrupted');
      await sleep(backoffMs(attempt, 200, 5_000), signal).catch(() => undefined);
      options.onGap();
    }
  }

  close(): void {
    for (const client of Object.values(this.clients)) client.close();
  }

  private readEvents(onContainer: (id: string, topic: string) => void, signal: AbortSignal): Promise<string> {
    const events = this.clients['Events'] as unknown as {
      Subscribe(request: object, metadata: Metadata): ClientReadableStream<EventEnvelope>;
    };
    const metadata = new Metadata();
    metadata.set('containerd-namespace', criNamespace);
    const topics = ['/tasks/exit', '/tasks/oom', '/tasks/start'];
    const filters = topics.map((topic) => `topic=="${topic}",namespace==${criNamespace}`);
    const stream = events.Subscribe({ filters }, metadata);
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    return new Promise((resolve) => {
      stream.on('data', (envelope: EventEnvelope) => {
        const id = envelope.event ? containerIdOf(envelope.event.value) : undefined;
        if (id) onContainer(id, envelope.topic);
      });
      stream.on('error', (error: Error) => resolve(error.message));
      stream.on('end', () => resolve('stream ended'));
    }).then((reason) => {
      signal.removeEventListener('abort', cancel);
      return reason as string;
    });
  }
}

function connect(socket: string): Record<string, Client> {
  const files = ['runtime.proto', 'events.proto'].map((file) =>
    fileURLToPath(new URL(file, import.meta.url)),
  );
  const loaded = loadPackageDefinition(loadSync(files, protoOptions)) as unknown as {
    runtime: { v1: Record<'RuntimeService' | 'ImageService', ServiceClientConstructor> };
    containerd: { services: { events: { v1: { Events: ServiceClientConstructor } } } };
  };
  const { RuntimeService, ImageService } = loaded.runtime.v1;
  const { Events } = loaded.containerd.services.events.v1;
  const options = { 'grpc.max_receive_message_length': 32 << 20 };
  const make = (Service: ServiceClientConstructor) =>
    new Service(`unix:${socket}`, credentials.createInsecure(), options);
  return { RuntimeService: make(RuntimeService), ImageService: make(ImageService), Events: make(Events) };
}

/**
 * The container of a TaskStart, TaskOOM or TaskExit message: field 1. The end of a command that was run in a
 * container is a TaskExit too, with its own id as field 2, and no news of the container.
 */
function containerIdOf(message: Buffer): string | undefined {
  const container = readText(message, 0, 1);
  if (!container) return undefined;
  const process = readText(message, container.end, 2);
  return process && process.text !== container.text ? undefined : container.text;
}

/** A protobuf string field shorter than 128 bytes at an offset. */
function readText(message: Buffer, offset: number, field: number): { text: string; end: number } | undefined {
  const length = message[offset + 1];
  if (message[offset] !== field * 8 + 2 || length === undefined || length > 0x7f) return undefined;
  const end = offset + 2 + length;
  return { text: message.toString('utf8', offset + 2, end), end };
}

/** gRPC status numbers (google.rpc.Code) in our words. */
const codeOf: Readonly<Record<number, ErrorCode>> = {
  1: 'CANCELED',
  3: 'INVALID',
  4: 'TIMEOUT',
  5: 'NOT_FOUND',
  6: 'CONFLICT',
  14: 'UNAVAILABLE',
};

function toRuntimeError(method: string, error: ServiceError): AppError {
  const reason = error.details || error.message;
  return new AppError(codeOf[error.code] ?? 'INTERNAL', reason, { cause: error, details: { call: method } });
}
