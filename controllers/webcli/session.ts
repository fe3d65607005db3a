import type {
  TerminalEnd,
  TerminalGrantClaims,
  TerminalNotice,
  TerminalRequest,
} from '@skyarc/lib/contracts';
import { closeCodeOf } from '@skyarc/lib/errors';
import { shortened } from '@skyarc/lib/tunnel';
import type { WebSocket } from 'ws';
import type { ResolvedWebcliConfig } from './config.ts';
import type { StartedProcess } from './exec/shell.ts';
import type { ExecStream } from './exec/stream.ts';
import type { Recorder } from './recording/recorder.ts';
import { Scrollback } from './scrollback.ts';

/** How a session ended, for its record and its tab. */
export interface SessionEnd {
  readonly end: TerminalEnd;
  readonly exitCode: number | null;
  readonly message: string | null;
}

export interface SessionDeps {
  readonly config: ResolvedWebcliConfig;
  readonly claims: TerminalGrantClaims;
  /** The container that it is really in. */
  readonly container: string;
  readonly process: StartedProcess;
  readonly recorder: Recorder | undefined;
  /** Called once, when nothing of it is left but its record. */
  readonly onEnd: (session: Session, end: SessionEnd) => void;
}

/** A tab is told of what it typed in steps; it types on up to four of them ahead (SDK). */
const takenStepBytes = 32 << 10;
/** Of a client that types on without being told. */
const mostHeldUpBytes = 4 << 20;

/** Keys that end or stop what floods the screen: Ctrl-C, Ctrl-\ and Ctrl-Z. */
const breakKeys = [0x03, 0x1c, 0x1a];
/** More output than this within so long is a flood. */
const floodBytes = 32 << 10;
const floodMs = 250;
/** For so long after a break key a flood that comes again is still the one that it was to end. */
const breakMs = 3_000;
/** What of a flood is still shown after a break key. */
const tailBytes = 4 << 10;
/** A flood is over when nothing came for so long, or else when it was let run dry for so long. */
const quietMs = 20;
const longestDrainMs = 2_000;

const closeCodes: Readonly<Record<TerminalEnd, number>> = {
  EXITED: 1000,
  CLOSED: 1000,
  IDLE: closeCodeOf.CANCELED,
  ABANDONED: closeCodeOf.CANCELED,
  REVOKED: closeCodeOf.FORBIDDEN,
  SHUT_DOWN: 1012,
  FAILED: closeCodeOf.UNAVAILABLE,
};

/**
 * A process at a terminal and the tab that shows it. The tab may go and come back: what it missed is kept. What
 * was sent but not shown is limited by a window; behind it the container waits, so nothing grows.
 */
export class Session {
  readonly claims: TerminalGrantClaims;
  readonly container: string;
  readonly command: readonly string[];
  readonly startedAt = Date.now();
  bytesIn = 0;
  private readonly deps: SessionDeps;
  private readonly stream: ExecStream;
  private readonly shown: Scrollback;
  private client: WebSocket | undefined;
  /** Up to here a tab has shown it. */
  private shownUpTo = 0;
  private sentUpTo = 0;
  private isRecorderBusy = false;
  /** Bytes typed in this tab that have left, and of which it was told. */
  private taken = 0;
  private takenTold = 0;
  private recently = { since: 0, bytes: 0 };
  private breakUntil = 0;
  private drain: { quiet: NodeJS.Timeout; readonly limit: NodeJS.Timeout } | undefined;
  private graceTimer: NodeJS.Timeout | undefined;
  private idleTimer: NodeJS.Timeout | undefined;
  private lastTypedAt = Date.now();
  private ended: SessionEnd | undefined;

  constructor(deps: SessionDeps) {
    this.deps = deps;
    this.claims = deps.claims;
    this.container = deps.container;
    this.command = deps.process.command;
    this.stream = deps.process.stream;
    this.shown = new Scrollback(Math.max(deps.config.scrollbackBytes, 2 * deps.config.windowBytes));
  }

  /** Begins to serve; what the process has shown or how it ended already counts. */
  begin(): void {
    this.watchIdleness();
    this.stream.listen({
      onOutput: (bytes) => this.receive(bytes),
      onEnd: ({ exitCode, message }) =>
        this.finish({ end: exitCode === null ? 'FAILED' : 'EXITED', exitCode, message }),
    });
    this.adjustFlow();
  }

  get bytesOut(): number {
    return this.shown.end;
  }

  get hasClient(): boolean {
    return this.client !== undefined;
  }

  /** Shows the session in this tab from the offset on, also one that is over; another tab that showed it loses it. */
  attach(client: WebSocket, request: Extract<TerminalRequest, { type: 'attach' }>): void {
    this.client?.close(closeCodeOf.CONFLICT, 'The session was opened in another tab');
    clearTimeout(this.graceTimer);
    this.client = client;
    this.taken = this.takenTold = 0;
    const { config, container, recorder } = this.deps;
    const isKnown = request.offset >= this.shown.start && request.offset <= this.shown.end;
    const offset = request.offset > 0 && isKnown ? request.offset : this.shown.firstLine;
    const restart = offset !== request.offset || offset === 0;
    const isComeback = this.sentUpTo > 0;
    this.tell({
      type: 'ready',
      offset,
      restart,
      container,
      command: this.command,
      recording: recorder !== undefined,
      idleMs: config.idleMs,
      graceMs: config.graceMs,
    });
    if (offset < this.shown.end) client.send(this.shown.from(offset));
    this.sentUpTo = this.shown.end;
    this.shownUpTo = offset;
    if (this.ended) return this.tellEnd(this.ended);
    // A program that draws the whole screen does so again when its size changes.
    if (isComeback && restart) this.stream.resize(request.cols, Math.max(1, request.rows - 1));
    this.resize(request.cols, request.rows);
    this.adjustFlow();
  }

  /** The tab is gone; the session waits for it for the grace time. */
  detach(client: WebSocket): void {
    if (this.client !== client || this.ended) return;
    this.client = undefined;
    this.endDrain();
    this.adjustFlow();
    this.graceTimer = setTimeout(
      () => this.finish({ end: 'ABANDONED', exitCode: null, message: null }),
      this.deps.config.graceMs,
    );
  }

  /** What was typed goes to the process at once, whatever is on its way back. */
  type(bytes: Buffer): void {
    if (this.ended) return;
    this.bytesIn += bytes.length;
    this.lastTypedAt = Date.now();
    const { client } = this;
    this.stream.write(bytes, () => this.take(client, bytes.length));
    if (this.stream.heldUpBytes > mostHeldUpBytes) {
      const message = 'More was typed than the program takes';
      return this.finish({ end: 'FAILED', exitCode: null, message });
    }
    this.breakUntil = breakKeys.some((key) => bytes.includes(key)) ? this.lastTypedAt + breakMs : 0;
    this.drainFlood();
  }

  /** Lets the tab type on; a paste is longer than what may be on its way. */
  private take(client: WebSocket | undefined, bytes: number): void {
    if (client !== this.client) return;
    this.taken += bytes;
    if (this.taken - this.takenTold < takenStepBytes) return;
    this.takenTold = this.taken;
    this.tell({ type: 'taken', bytes: this.taken });
  }

  obey(request: TerminalRequest): void {
    if (request.type === 'resize') this.resize(request.cols, request.rows);
    else if (request.type === 'close') this.finish({ end: 'CLOSED', exitCode: null, message: null });
    else if (request.type === 'ack') {
      this.shownUpTo = Math.max(this.shownUpTo, Math.min(request.offset, this.sentUpTo));
      this.adjustFlow();
    }
  }

  tell(notice: TerminalNotice): void {
    this.client?.send(JSON.stringify(notice));
  }

  /** Ends it: the process is hung up, the tab is told. */
  finish(how: SessionEnd): void {
    if (this.ended) return;
    this.ended = how;
    clearTimeout(this.graceTimer);
    clearTimeout(this.idleTimer);
    this.endDrain();
    this.stream.close();
    this.tellEnd(how);
    this.deps.onEnd(this, how);
  }

  private tellEnd(how: SessionEnd): void {
    this.tell({ type: 'end', ...how });
    this.client?.close(closeCodes[how.end], shortened(how.message ?? ''));
  }

  private receive(bytes: Buffer): void {
    if (this.ended) return;
    // Whoever looks at it comes first.
    if (!this.drain) this.client?.send(bytes);
    this.shown.push(bytes);
    if (this.drain) {
      this.drain.quiet.refresh();
      return;
    }
    this.noteRate(bytes.length);
    this.record(bytes);
    if (!this.client) return this.adjustFlow();
    this.sentUpTo = this.shown.end;
    this.drainFlood();
    this.adjustFlow();
  }

  private noteRate(bytes: number): void {
    const now = Date.now();
    if (now - this.recently.since > floodMs) this.recently = { since: now, bytes: 0 };
    this.recently.bytes += bytes;
  }

  /** After a break key only. */
  private drainFlood(): void {
    if (this.drain || !this.client || Date.now() >= this.breakUntil) return;
    const isWaiting = this.sentUpTo - this.shownUpTo > floodBytes;
    if (isWaiting || this.recently.bytes > floodBytes) this.beginDrain();
  }

  private record(bytes: Buffer): void {
    const { recorder } = this.deps;
    if (!recorder || recorder.output(bytes)) return;
    this.isRecorderBusy = true;
    recorder.onDrain(() => {
      this.isRecorderBusy = false;
      this.adjustFlow();
    });
  }

  private resize(cols: number, rows: number): void {
    this.stream.resize(cols, rows);
    this.deps.recorder?.resize(cols, rows);
  }

  /** Reads on while the window has room; without a tab, a program that shows more than that waits. */
  private adjustFlow(): void {
    if (this.ended) return;
    const isFull = this.shown.end - this.shownUpTo >= this.deps.config.windowBytes;
    if (!this.drain && (isFull || this.isRecorderBusy)) this.stream.pause();
    else this.stream.resume();
  }

  /** Lets the flood run dry unseen: what the buffers on the way hold would delay the prompt by seconds. */
  private beginDrain(): void {
    const end = (): void => {
      this.endDrain();
      this.adjustFlow();
    };
    this.recently.bytes = 0;
    this.drain = { quiet: setTimeout(end, quietMs), limit: setTimeout(end, longestDrainMs) };
    this.adjustFlow();
  }

  private endDrain(): void {
    if (!this.drain) return;
    clearTimeout(this.drain.quiet);
    clearTimeout(this.drain.limit);
    this.drain = undefined;
    const unseen = this.shown.end - this.sentUpTo;
    if (unseen === 0) return;
    const tail = this.shown.from(this.shown.end - Math.min(unseen, tailBytes));
    const bytes = unseen - tail.length;
    if (bytes > 0) this.tell({ type: 'gap', bytes, offset: this.shown.end - tail.length });
    this.record(tail);
    this.client?.send(tail);
    this.sentUpTo = this.shown.end;
  }

  private watchIdleness(): void {
    const { idleMs, idleNoticeMs } = this.deps.config;
    const noticeMs = Math.min(idleNoticeMs, idleMs / 2);
    const leftMs = this.lastTypedAt + idleMs - Date.now();
    if (leftMs <= 0) return this.finish({ end: 'IDLE', exitCode: null, message: null });
    const isNoticeDue = leftMs <= noticeMs;
    if (isNoticeDue) this.tell({ type: 'idle', endsInMs: leftMs });
    this.idleTimer = setTimeout(() => this.watchIdleness(), isNoticeDue ? leftMs : leftMs - noticeMs);
  }
}
