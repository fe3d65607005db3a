import type { SkyarcClient, Terminal, TerminalEnding, TerminalEvent, TerminalStart } from '@skyarc/sdk';
import { pollUntil } from '@skyarc/lib/retry';

/** A terminal of the SDK without a screen: keeps the newest text and shows everything at once. */
export class Screen {
  readonly terminal: Terminal;
  text = '';
  bytes = 0;
  clears = 0;
  readonly events: TerminalEvent[] = [];
  readonly states: string[] = [];
  ending: TerminalEnding | undefined;
  /** When it ended, performance.now(). */
  endedAt = 0;
  /** Called with each piece of text. */
  onText: (text: string) => void = () => undefined;
  private readonly decoder = new TextDecoder();

  constructor(client: SkyarcClient, start: Omit<TerminalStart, 'cols' | 'rows'>) {
    this.terminal = client.terminals.open(
      { cols: 80, rows: 24, ...start },
      {
        onOutput: (bytes, shown) => {
          this.bytes += bytes.length;
          const text = this.decoder.decode(bytes, { stream: true });
          this.text = (this.text + text).slice(-(64 << 10));
          this.onText(text);
          shown();
        },
        onClear: () => {
          this.clears += 1;
          this.text = '';
        },
        onState: (state) => this.states.push(state),
        onEvent: (event) => this.events.push(event),
        onEnd: (ending) => {
          this.ending = ending;
          this.endedAt = performance.now();
        },
      },
    );
  }

  async shows(text: string, timeoutMs = 15_000): Promise<void> {
    await this.until(() => this.text.includes(text), `"${text}" is not shown`, timeoutMs);
  }

  async ends(timeoutMs = 15_000): Promise<TerminalEnding> {
    await this.until(() => this.ending !== undefined, 'it does not end', timeoutMs);
    return this.ending as TerminalEnding;
  }

  async until(isSo: () => boolean, otherwise: string, timeoutMs = 15_000): Promise<void> {
    await pollUntil(async () => (isSo() ? true : undefined), {
      timeoutMs,
      everyMs: 5,
      onTimeout: () =>
        new Error(
          `${otherwise}: ${JSON.stringify([this.states, this.ending, this.events])}\n${this.text.slice(-1_000)}`,
        ),
    });
  }
}
