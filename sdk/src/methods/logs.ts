import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import type { SubscribeOptions } from '../live.ts';
import { found } from './apps.ts';
import { patiently } from './patience.ts';

export type LogLine = api.LogLineFieldsFragment;
export type LogEvent = api.LogLinesSubscription['logLines'];

export interface LogPage {
  /** Oldest first. */
  readonly lines: LogLine[];
  readonly hasOlder: boolean;
}

export interface FollowOptions extends SubscribeOptions {
  /** Begin with so many of the newest lines. */
  readonly tail?: number;
  /** Begin after this cursor. */
  readonly after?: string;
}

/** Logs of builds, operations and apps: stored and live. */
export class LogMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Stored lines, the newest ones when no page is asked for. */
  async read({ kind, id }: api.LogSourceInput, page: api.LogPageInput = {}): Promise<LogPage> {
    if (kind === 'APP')
      return found((await this.#client.query(api.AppLogDocument, { id, page })).app, 'app', id).log;
    if (kind === 'BUILD') {
      return found((await this.#client.query(api.BuildLogDocument, { id, page })).build, 'build', id).log;
    }
    const { operation } = await this.#client.query(api.OperationLogDocument, { id, page });
    return found(operation, 'operation', id).log;
  }

  /**
   * Batches of lines as they come, with `gap` where this reader was too slow. After a broken connection it goes on
   * behind the last line received. Build and operation logs end when they are final.
   */
  async *events(
    source: api.LogSourceInput,
    { tail, after, signal }: FollowOptions = {},
  ): AsyncGenerator<LogEvent, void, undefined> {
    const variables: api.LogLinesSubscriptionVariables = { source, after, tail };
    const open = () => this.#client.subscribe(api.LogLinesDocument, variables, { ...(signal && { signal }) });
    for await (const { logLines } of patiently(open, signal)) {
      const last = logLines.lines.at(-1);
      if (last) variables.after = last.cursor;
      yield logLines;
    }
  }

  /** Single lines as they come; lines skipped for a slow reader are read from the store in their place. */
  async *follow(
    source: api.LogSourceInput,
    options: FollowOptions = {},
  ): AsyncGenerator<LogLine, void, undefined> {
    for await (const { gap, lines } of this.events(source, options)) {
      if (gap) yield* await this.#skipped(source, gap);
      yield* lines;
    }
  }

  // Pages are read backwards from the end of the gap until its beginning is met.
  async #skipped(source: api.LogSourceInput, gap: NonNullable<LogEvent['gap']>): Promise<LogLine[]> {
    let lines: LogLine[] = [];
    let before = gap.to;
    for (;;) {
      const page = await this.read(source, { before, last: 5_000 });
      const begin = page.lines.findLastIndex((line) => line.cursor === gap.from);
      lines = [...page.lines.slice(begin + 1), ...lines];
      const oldest = page.lines[0];
      if (begin >= 0 || !page.hasOlder || !oldest) return lines;
      before = oldest.cursor;
    }
  }

  /** A signed address of the whole log as text; ends after 60 seconds. */
  async downloadUrl(source: api.LogSourceInput): Promise<string> {
    return (await this.#client.mutate(api.CreateLogDownloadDocument, { source })).createLogDownload.url;
  }
}
