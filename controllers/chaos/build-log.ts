import type { EventLogClient, LogWriter } from '@skyarc/lib/eventlog-client';
import { type LogLevel, streamOf } from '@skyarc/lib/contracts';

export interface BuildLogOptions {
  readonly eventlog: Pick<EventLogClient, 'writer'>;
  readonly buildId: string;
  readonly maxLines: number;
  readonly maxBytes: number;
}

const tailLines = 400;

/**
 * What a build prints, live to its stream with the phase as source. Secrets that it was told of never get
 * out; beyond the limits lines are counted, not kept.
 */
export class BuildLog {
  private readonly options: BuildLogOptions;
  private readonly secrets = new Set<string>();
  private writer: LogWriter | undefined;
  /** Resolves once all of earlier phases is stored, so that the order stays. */
  private earlier: Promise<unknown> = Promise.resolve();
  private lines = 0;
  private bytes = 0;
  private dropped = 0;
  private tail: string[] = [];

  constructor(options: BuildLogOptions) {
    this.options = options;
  }

  /** Begins a phase. What was printed before is stored first; the work need not wait for that. */
  phase(name: string): void {
    this.earlier = this.flush().catch(() => undefined);
    const { eventlog, buildId } = this.options;
    this.writer = eventlog.writer({ stream: streamOf.build(buildId), source: name, producer: 'chaos' });
    this.tail = [];
  }

  /** Never to be shown in a line from now on. */
  hide(secret: string): void {
    if (secret.length >= 4) this.secrets.add(secret).add(encodeURIComponent(secret));
  }

  write(text: string, level: LogLevel = 'info'): void {
    const line = this.redact(text.replaceAll('\0', ''));
    this.tail.push(line);
    if (this.tail.length > 2 * tailLines) this.tail.splice(0, tailLines);
    const { maxLines, maxBytes } = this.options;
    if (this.lines >= maxLines || this.bytes >= maxBytes) {
      this.dropped += 1;
      if (this.dropped === 1) {
        const limit = `${maxLines} lines or ${Math.round(maxBytes / 1024)} KiB`;
        this.send(`This build prints more than ${limit}; what follows is not kept`, 'warn');
      }
      return;
    }
    this.lines += 1;
    this.bytes += Buffer.byteLength(line);
    this.send(line, level);
  }

  /** The newest lines of this phase. */
  recent(): readonly string[] {
    return this.tail.slice(-tailLines);
  }

  redact(text: string): string {
    let clean = text;
    for (const secret of this.secrets) clean = clean.replaceAll(secret, '[hidden]');
    return clean;
  }

  /** Resolves once all is stored. */
  async close(): Promise<void> {
    if (this.dropped > 1) this.send(`${this.dropped} lines were not kept`, 'warn');
    this.dropped = 0;
    await this.flush();
  }

  private send(line: string, level: LogLevel): void {
    const { writer } = this;
    void this.earlier.then(() => writer?.write(line, level));
  }

  private async flush(): Promise<void> {
    const { writer } = this;
    await this.earlier;
    await writer?.flush();
  }
}
