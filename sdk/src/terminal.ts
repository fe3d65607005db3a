import { SkyarcError } from './error.ts';
import type { SkyarcErrorCode } from './error.ts';

/** `connecting`: not yet there; `lost`: the connection broke and is being made again; `ended`: for good. */
export type TerminalState = 'connecting' | 'open' | 'lost' | 'ended';

/** Why a terminal is over. */
export interface TerminalEnding {
  /** EXITED, CLOSED, IDLE, ABANDONED, REVOKED, SHUT_DOWN or FAILED. */
  readonly end: string;
  readonly exitCode: number | null;
  readonly message: string | null;
  /** NO_SHELL when the container has none: a debug container may help. */
  readonly reason?: string;
}

/** What a terminal tells besides its output. */
export type TerminalEvent =
  | { readonly type: 'opening'; readonly message: string }
  | {
      readonly type: 'ready';
      readonly container: string;
      readonly command: readonly string[];
      readonly recording: boolean;
    }
  /** Its session was over when it came back; this is a new one of the same kind. */
  | { readonly type: 'restarted' }
  /** So many bytes of a flood were left out after a break key. */
  | { readonly type: 'gap'; readonly bytes: number }
  | { readonly type: 'idle'; readonly endsInMs: number }
  | { readonly type: 'recording-full' };

export interface TerminalHandlers {
  /** Bytes to show; call `shown` once they are on the screen, which lets more come. */
  readonly onOutput: (bytes: Uint8Array, shown: () => void) => void;
  /** What follows is the screen from its beginning. */
  readonly onClear?: () => void;
  readonly onState?: (state: TerminalState) => void;
  readonly onEvent?: (event: TerminalEvent) => void;
  readonly onEnd?: (ending: TerminalEnding) => void;
}

/** What a terminal is made from: how to get grants, how to connect. */
export interface TerminalLine {
  /** A grant for a new session, or for the session of the id. */
  readonly grant: (id: string | null) => Promise<{ readonly id: string; readonly token: string }>;
  readonly connect: (protocols: string[]) => WebSocket;
}

const protocol = 'v1.terminal.skyarc.dev';
const ackBytes = 16 << 10;
const ackAfterMs = 40;
const pieceBytes = 16 << 10;
/** So much may be typed ahead of what the server has taken. */
const aheadBytes = 128 << 10;
const longestPauseMs = 5_000;
const codes: Readonly<Record<number, SkyarcErrorCode>> = {
  4400: 'INVALID',
  4401: 'UNAUTHENTICATED',
  4403: 'FORBIDDEN',
  4404: 'NOT_FOUND',
  4409: 'CONFLICT',
  4429: 'EXHAUSTED',
  4499: 'CANCELED',
};

/** A terminal in a container: comes back by itself when its connection breaks, without losing what was shown. */
export class Terminal {
  readonly #line: TerminalLine;
  readonly #handlers: TerminalHandlers;
  #id: string | null;
  #state: TerminalState = 'connecting';
  #size: { cols: number; rows: number };
  #socket: WebSocket | undefined;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Bytes received and shown of the session. */
  #offset = 0;
  #shown = 0;
  #acknowledged = 0;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  /** Typed or pasted, not sent yet. */
  #typed: Uint8Array[] = [];
  #sent = 0;
  #taken = 0;

  constructor(
    line: TerminalLine,
    handlers: TerminalHandlers,
    start: { readonly id: string | null; readonly cols: number; readonly rows: number },
  ) {
    this.#line = line;
    this.#handlers = handlers;
    this.#id = start.id;
    this.#size = { cols: start.cols, rows: start.rows };
    void this.#open();
  }

  /** Id of the session; null until there is one. */
  get id(): string | null {
    return this.#id;
  }

  get state(): TerminalState {
    return this.#state;
  }

  /** Sends what was typed or pasted; a break key alone drops what of a paste has not left. */
  type(input: string | Uint8Array): void {
    const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input;
    if (bytes.length === 1 && (bytes[0] === 0x03 || bytes[0] === 0x1c)) this.#typed = [];
    for (let at = 0; at < bytes.length; at += pieceBytes)
      this.#typed.push(bytes.subarray(at, at + pieceBytes));
    this.#send();
  }

  resize(cols: number, rows: number): void {
    this.#size = { cols, rows };
    this.#say({ type: 'resize', cols, rows });
  }

  /** Ends the session: its processes are hung up. */
  close(): void {
    this.#say({ type: 'close' });
    this.#end({ end: 'CLOSED', exitCode: null, message: null });
  }

  /** Leaves the session, which is kept for its grace time. */
  detach(): void {
    this.#setState('ended');
    this.#dispose();
  }

  async #open(): Promise<void> {
    let grant: { readonly id: string; readonly token: string };
    try {
      grant = await this.#line.grant(this.#id);
    } catch (cause) {
      return this.#refused(cause);
    }
    if (this.#isOver()) return;
    this.#id = grant.id;
    const socket = this.#line.connect([protocol, `grant.${grant.token}`]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.addEventListener('open', () => this.#say({ type: 'attach', offset: this.#offset, ...this.#size }));
    socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (socket !== this.#socket) return;
      if (typeof data === 'string') this.#told(JSON.parse(data) as Notice);
      else this.#show(new Uint8Array(data));
    });
    socket.addEventListener('close', ({ code, reason }) => {
      if (socket !== this.#socket || this.#isOver()) return;
      this.#socket = undefined;
      const known = codes[code];
      if (known) this.#refused(new SkyarcError(known, reason));
      else this.#lose();
    });
  }

  #refused(cause: unknown): void {
    if (this.#isOver()) return;
    const error = cause instanceof SkyarcError ? cause : new SkyarcError('INTERNAL', String(cause));
    if (error.code === 'NOT_FOUND' && this.#id !== null) return this.#restart();
    if (error.code === 'UNAVAILABLE' || error.code === 'TIMEOUT') return this.#lose();
    const end = error.code === 'FORBIDDEN' || error.code === 'UNAUTHENTICATED' ? 'REVOKED' : 'FAILED';
    this.#end({ end, exitCode: null, message: error.message });
  }

  #told(notice: Notice): void {
    switch (notice.type) {
      case 'ready': {
        const { offset, restart, container, command, recording } = notice;
        if (restart) this.#handlers.onClear?.();
        this.#offset = this.#shown = this.#acknowledged = offset;
        this.#failures = 0;
        this.#sent = this.#taken = 0;
        this.#setState('open');
        this.#handlers.onEvent?.({ type: 'ready', container, command, recording });
        this.#send();
        break;
      }
      case 'gap':
        this.#offset = notice.offset;
        this.#handlers.onEvent?.({ type: 'gap', bytes: notice.bytes });
        break;
      case 'taken':
        this.#taken = notice.bytes;
        this.#send();
        break;
      case 'draining':
        this.#restart();
        break;
      case 'end':
        if (notice.end === 'SHUT_DOWN') this.#restart();
        else this.#end(notice);
        break;
      default:
        this.#handlers.onEvent?.(notice);
    }
  }

  #show(bytes: Uint8Array): void {
    this.#offset += bytes.length;
    const upTo = this.#offset;
    const socket = this.#socket;
    this.#handlers.onOutput(bytes, () => {
      if (socket !== this.#socket) return;
      this.#shown = Math.max(this.#shown, upTo);
      if (this.#shown - this.#acknowledged >= ackBytes) this.#acknowledge();
      else this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ackAfterMs);
    });
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#acknowledged = this.#shown;
    this.#say({ type: 'ack', offset: this.#shown });
  }

  /** Sends what was typed as the line takes it, so that a break key finds its way past a paste. */
  #send(): void {
    const socket = this.#socket;
    if (!socket || this.#state !== 'open') return;
    while (this.#typed.length > 0 && this.#sent - this.#taken < aheadBytes) {
      const piece = this.#typed.shift() as Uint8Array<ArrayBuffer>;
      this.#sent += piece.length;
      socket.send(piece);
    }
  }

  /** The session is over, but not by anybody's will: begins the same anew. */
  #restart(): void {
    this.#leave();
    this.#id = null;
    this.#offset = this.#shown = this.#acknowledged = 0;
    this.#typed = [];
    this.#handlers.onEvent?.({ type: 'restarted' });
    this.#lose();
  }

  #lose(): void {
    this.#leave();
    this.#setState('lost');
    const pauseMs = Math.min(150 * 2 ** this.#failures, longestPauseMs) * (0.7 + Math.random() * 0.6);
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#open(), pauseMs);
  }

  #end(ending: TerminalEnding): void {
    if (this.#isOver()) return;
    this.#setState('ended');
    this.#dispose();
    this.#handlers.onEnd?.(ending);
  }

  #dispose(): void {
    clearTimeout(this.#retry);
    this.#leave();
  }

  #leave(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #say(request: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(request));
  }

  #isOver(): boolean {
    return this.#state === 'ended';
  }

  #setState(state: TerminalState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#handlers.onState?.(state);
  }
}

type Notice =
  | {
      readonly type: 'ready';
      readonly offset: number;
      readonly restart: boolean;
      readonly container: string;
      readonly command: readonly string[];
      readonly recording: boolean;
    }
  | { readonly type: 'gap'; readonly bytes: number; readonly offset: number }
  | { readonly type: 'draining' }
  | { readonly type: 'taken'; readonly bytes: number }
  | ({ readonly type: 'end' } & TerminalEnding)
  | Exclude<TerminalEvent, { readonly type: 'ready' | 'gap' | 'restarted' }>;
