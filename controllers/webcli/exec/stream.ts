import type { KubeConfig } from '@kubernetes/client-node';
import { AppError, type ErrorCode } from '@skyarc/lib/errors';
import { type ClientOptions, WebSocket } from 'ws';

/** A process to be run at a terminal in a container. */
export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
}

/** How a process ended. */
export interface ExecEnd {
  /** Null when it could not be started or its connection broke. */
  readonly exitCode: number | null;
  readonly message: string | null;
}

export interface ExecListener {
  /** Called with each piece of output. */
  readonly onOutput: (bytes: Buffer) => void;
  /** Called once. */
  readonly onEnd: (end: ExecEnd) => void;
}

/** Channels of v4 and v5.channel.k8s.io: the first byte of every message. */
const channel = { input: 0, output: 1, errors: 2, status: 3, size: 4 } as const;
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const dialing: ClientOptions = {
  perMessageDeflate: false,
  skipUTF8Validation: true,
  handshakeTimeout: 10_000,
};

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
};

/** The API server's word that the stream is served elsewhere. */
class Redirect extends Error {
  readonly location: URL;

  constructor(location = '') {
    super(`sent on to ${location}`);
    this.location = new URL(location.replace(/^http/, 'ws'));
  }
}

const isLoopback = ({ hostname }: URL): boolean => /^(127\.[\d.]+|\[::1\]|localhost)$/.test(hostname);

/** A process at a terminal in a container, over one WebSocket to the Kubernetes API. */
export class ExecStream {
  private readonly socket: WebSocket;
  private listener: ExecListener | undefined;
  /** Output that came while nobody listened. */
  private held: Buffer = Buffer.alloc(0);
  private end: ExecEnd | undefined;
  private hasEnded = false;
  private isClosed = false;
  private onSign: () => void = () => undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.receive(data));
    socket.on('close', () => this.finish());
    socket.on('error', (error) => {
      this.end ??= { exitCode: null, message: `The connection to the pod broke: ${error.message}` };
    });
  }

  /**
   * Begins paused: `listen` to it, then `resume` it. Throws what the API server answers (NOT_FOUND, INVALID,
   * FORBIDDEN, ...), UNAVAILABLE when it does not. An embedded cluster of this machine says where its container
   * runtime streams: a hop less for every key.
   */
  static async open(config: KubeConfig, target: ExecTarget): Promise<ExecStream> {
    const options: ClientOptions = {};
    await config.applyToHTTPSOptions(options);
    const server = (config.getCurrentCluster()?.server ?? '').replace(/^http/, 'ws').replace(/\/$/, '');
    const { namespace, pod, container, command } = target;
    const query = new URLSearchParams({ container, stdin: 'true', stdout: 'true', tty: 'true' });
    for (const part of command) query.append('command', part);
    const path = [namespace, 'pods', pod].map(encodeURIComponent).join('/');
    const url = new URL(`${server}/api/v1/namespaces/${path}/exec?${query}`);
    if (!isLoopback(url)) return ExecStream.dial(url, options, pod);
    const headers = { ...options.headers, 'x-stream-redirect': 'allowed' };
    try {
      return await ExecStream.dial(url, { ...options, headers }, pod);
    } catch (error) {
      if (!(error instanceof Redirect)) throw error;
      // Who reached the API through a forwarded port is not on its machine: back to the way through it.
      const byApi = (): Promise<ExecStream> => ExecStream.dial(url, options, pod);
      return await (isLoopback(error.location)
        ? ExecStream.dial(error.location, {}, pod).catch(byApi)
        : byApi());
    }
  }

  private static async dial(url: URL, options: ClientOptions, pod: string): Promise<ExecStream> {
    const socket = new WebSocket(url, protocols, { ...dialing, ...options });
    const stream = new ExecStream(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => {
        // What comes in the packet of the handshake waits until somebody listens.
        socket.pause();
        resolve();
      });
      socket.once('unexpected-response', (_request, response) => {
        const { statusCode = 500, headers } = response;
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.once('end', () =>
          reject(statusCode === 307 ? new Redirect(headers.location) : refusalOf(statusCode, body)),
        );
      });
      socket.once('error', (cause) =>
        reject(new AppError('UNAVAILABLE', `Cannot reach pod "${pod}": ${cause.message}`, { cause })),
      );
    });
    return stream;
  }

  /** Reads until the first output or the end, at most so long; what came is still told to whoever listens. */
  async firstSign(timeoutMs: number): Promise<{ readonly shown: Buffer; readonly end: ExecEnd | undefined }> {
    this.socket.resume();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.onSign = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.held.length > 0 || this.hasEnded) this.onSign();
    });
    this.socket.pause();
    return { shown: this.held, end: this.hasEnded ? this.ending : undefined };
  }

  /** Forgets the first bytes of what came while nobody listened. */
  skip(bytes: number): void {
    this.held = this.held.subarray(bytes);
  }

  /** Tells of everything from now on, and at once of what came before. */
  listen(listener: ExecListener): void {
    this.listener = listener;
    const { held } = this;
    this.held = Buffer.alloc(0);
    if (held.length > 0) listener.onOutput(held);
    if (this.hasEnded && !this.isClosed) listener.onEnd(this.ending);
  }

  /** Sends what was typed; `taken` is called once it has left this process. */
  write(bytes: Buffer, taken: () => void): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(Buffer.concat([Buffer.of(channel.input), bytes]), (error) => {
      if (!error) taken();
    });
  }

  /** Bytes that were typed and have not left this process. */
  get heldUpBytes(): number {
    return this.socket.bufferedAmount;
  }

  resize(cols: number, rows: number): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const size = JSON.stringify({ Width: cols, Height: rows });
    this.socket.send(Buffer.concat([Buffer.of(channel.size), Buffer.from(size)]));
  }

  /** Stops reading: the process waits once the buffers on the way are full. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Hangs up; the end is not told any more. */
  close(): void {
    this.isClosed = true;
    this.socket.resume();
    this.socket.close();
    const force = setTimeout(() => this.socket.terminate(), 1_000);
    this.socket.once('close', () => clearTimeout(force));
  }

  private receive(data: Buffer): void {
    const kind = data[0];
    if (kind === channel.output || kind === channel.errors) {
      if (data.length > 1) this.take(data.subarray(1));
    } else if (kind === channel.status) {
      this.end = endOf(data.subarray(1).toString('utf8'));
      this.finish();
      this.socket.close();
    }
  }

  private take(output: Buffer): void {
    if (this.listener) return this.listener.onOutput(output);
    this.held = Buffer.concat([this.held, output]);
    this.onSign();
  }

  private finish(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.onSign();
    if (!this.isClosed) this.listener?.onEnd(this.ending);
  }

  private get ending(): ExecEnd {
    return this.end ?? { exitCode: null, message: 'The connection to the pod was closed' };
  }
}

interface Status {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** A Status object of Kubernetes, as the error channel carries it. */
function endOf(text: string): ExecEnd {
  try {
    const { status, reason, message, details } = JSON.parse(text) as Status;
    if (status === 'Success') return { exitCode: 0, message: null };
    const exit = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
    if (reason === 'NonZeroExitCode' && exit !== undefined) return { exitCode: Number(exit), message: null };
    return { exitCode: null, message: message ?? reason ?? 'unknown failure' };
  } catch {
    return { exitCode: null, message: text.slice(0, 500) };
  }
}

function refusalOf(status: number, body: string): AppError {
  let message = body.slice(0, 300);
  try {
    message = (JSON.parse(body) as { message?: string }).message ?? message;
  } catch {
    // The text itself then.
  }
  return new AppError(
    codeOfStatus[status] ?? 'UNAVAILABLE',
    `Cannot open a terminal: ${message || `status ${status}`}`,
  );
}
