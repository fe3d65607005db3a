import { terminalGrantPrefix, type TerminalNotice, terminalProtocol } from '@skyarc/lib/contracts';
import { pollUntil } from '@skyarc/lib/retry';
import { WebSocket } from 'ws';

type NoticeOf<Type extends TerminalNotice['type']> = Extract<TerminalNotice, { type: Type }>;

/** A tab without a browser: shows bytes as text and says what it has shown, unless it is told to fall behind. */
export class Tab {
  /** Everything shown since it was opened; of a flood only the newest 64 KiB. */
  text = '';
  /** Bytes received. */
  received = 0;
  offset = 0;
  readonly notices: TerminalNotice[] = [];
  isAcknowledging = true;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;

  constructor(
    url: string,
    grant: string,
    options: { offset?: number; cols?: number; rows?: number; attachAfterMs?: number } = {},
  ) {
    this.socket = new WebSocket(`${url.replace(/^http/, 'ws')}/terminal`, [
      terminalProtocol,
      terminalGrantPrefix + grant,
    ]);
    const { offset = 0, cols = 80, rows = 24, attachAfterMs = 0 } = options;
    this.socket.on('open', () =>
      setTimeout(() => this.say({ type: 'attach', offset, cols, rows }), attachAfterMs),
    );
    this.socket.on('message', (data: Buffer, isBinary: boolean) => this.receive(data, isBinary));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
      this.socket.on('error', () => undefined);
    });
  }

  type(text: string): void {
    this.socket.send(Buffer.from(text));
  }

  say(request: object): void {
    this.socket.send(JSON.stringify(request));
  }

  acknowledge(): void {
    this.say({ type: 'ack', offset: this.offset });
  }

  /** Waits until the text was shown; a regular expression's match is answered. */
  async shows(wanted: string | RegExp, timeoutMs = 15_000): Promise<RegExpExecArray | null> {
    const pattern = typeof wanted === 'string' ? null : wanted;
    return pollUntil(
      async () => {
        const match = pattern?.exec(this.text) ?? null;
        return match ?? (!pattern && this.text.includes(wanted as string) ? null : undefined);
      },
      {
        timeoutMs,
        everyMs: 5,
        onTimeout: () =>
          new Error(
            `not shown: ${wanted}\n${this.text.slice(-2_000)}\n${JSON.stringify(this.notices.slice(-3))}`,
          ),
      },
    );
  }

  async notice<Type extends TerminalNotice['type']>(type: Type, timeoutMs = 15_000): Promise<NoticeOf<Type>> {
    return pollUntil(async () => this.notices.find((one): one is NoticeOf<Type> => one.type === type), {
      timeoutMs,
      everyMs: 5,
      onTimeout: () => new Error(`no notice "${type}": ${JSON.stringify(this.notices)}`),
    });
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      const notice = JSON.parse(data.toString()) as TerminalNotice;
      this.notices.push(notice);
      if (notice.type === 'ready' || notice.type === 'gap') this.offset = notice.offset;
      return;
    }
    this.text = (this.text + data.toString('utf8')).slice(-(64 << 10));
    this.received += data.length;
    this.offset += data.length;
    if (this.isAcknowledging) this.acknowledge();
  }
}
