import { streamOf } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { type EventLog, everything } from '../event-log.ts';
import type { OutputLine } from './output.ts';
import { send } from './registry.ts';
import type { Output, OutputSource } from './source.ts';

export interface ForwarderOptions {
  readonly source: OutputSource;
  readonly log: EventLog;
  /** Each stream is forwarded by one node: its owner. */
  readonly owns: (stream: string) => boolean;
  readonly everyMs: number;
}

/** Lines that are sent at once. */
const batchLines = 1_000;
const logger = createLogger('eventlog');

/**
 * Sends lines of apps on to their outputs: each at least once, in order, from its stored place on. An output
 * that refuses is tried again, ever more slowly; its lines wait in the event log, and no other output waits.
 */
export class Forwarder {
  private readonly options: ForwarderOptions;
  private readonly stopping = new AbortController();
  private readonly working = new Map<string, Promise<void>>();
  private readonly failures = new Map<string, { count: number; until: number }>();
  private running: Promise<void> | undefined;

  constructor(options: ForwarderOptions) {
    this.options = options;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await Promise.all(this.working.values());
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        for (const output of await this.options.source.list()) this.begin(output);
      } catch (error) {
        logger.warn({ reason: messageOf(error) }, 'cannot read the outputs of log lines');
      }
      await sleep(this.options.everyMs, signal).catch(() => undefined);
    }
  }

  private begin(output: Output): void {
    if (this.working.has(output.id) || (this.failures.get(output.id)?.until ?? 0) > Date.now()) return;
    const work = this.forward(output)
      .then(() => void this.failures.delete(output.id))
      .catch((error: unknown) => this.fail(output.id, error))
      .finally(() => this.working.delete(output.id));
    this.working.set(output.id, work);
  }

  private async fail(outputId: string, error: unknown): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const count = (this.failures.get(outputId)?.count ?? 0) + 1;
    this.failures.set(outputId, { count, until: Date.now() + backoffMs(count, 1_000, 300_000) });
    logger.warn({ outputId, reason: messageOf(error) }, 'cannot deliver log lines');
    await this.options.source.fail(outputId, messageOf(error)).catch(() => undefined);
  }

  /** Everything that is there, batch by batch. */
  private async forward(output: Output): Promise<void> {
    const cursors = new Map(output.cursors);
    const { signal } = this.stopping;
    const apps = output.apps.filter(({ id }) => this.options.owns(streamOf.app(id)));
    for (let isMore = true; isMore && !signal.aborted;) {
      isMore = false;
      const lines: OutputLine[] = [];
      const reached = new Map<string, number>();
      for (const app of apps) {
        if (lines.length >= batchLines) {
          isMore = true;
          break;
        }
        const known = cursors.get(app.id) ?? (app.isYounger ? 0 : undefined);
        const page = await this.read(app.id, known, batchLines - lines.length);
        if (page.cursor !== known) reached.set(app.id, page.cursor);
        for (const { timeMs, line, level, channel, source, sequence } of page.frames) {
          const { team, id: appId, name } = app;
          lines.push({ timeMs, text: line, level, channel, team, appId, app: name, source, sequence });
        }
        isMore ||= page.more;
      }
      if (lines.length > 0) {
        const { settings, secret, allowPrivate } = output;
        await send(output.kind, { settings, secret, policy: { allowPrivate }, lines, signal });
      }
      if (reached.size === 0) return;
      await this.options.source.save(output.id, reached, lines.length > 0);
      for (const [appId, cursor] of reached) cursors.set(appId, cursor);
    }
  }

  /** An output begins with the lines that come after it was made. */
  private async read(appId: string, cursor: number | undefined, limit: number) {
    const stream = streamOf.app(appId);
    if (cursor !== undefined) {
      const page = await this.options.log.read(stream, { ...everything, cursor, backward: false, limit });
      // What a node out of reach holds would be left out for ever.
      return page.missingNodes.length > 0 ? { frames: [], more: false, cursor } : page;
    }
    const newest = await this.options.log.read(stream, {
      ...everything,
      cursor: 0,
      backward: true,
      limit: 1,
    });
    return { frames: [], more: false, cursor: newest.frames[0]?.sequence ?? 0 };
  }
}
