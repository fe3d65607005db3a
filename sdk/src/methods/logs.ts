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
  /** Where a search goes on: everything from here on was looked at. */
  readonly cursor?: string | null;
  /** True when a node that keeps a part of the log cannot be reached now. */
  readonly isPartial: boolean;
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
      if (gap) yield* this.#skipped(source, gap);
      yield* lines;
    }
  }

  /** Searches backwards from the newest line, page by page, as far as the reader goes on; newest page first. */
  async *search(
    source: api.LogSourceInput,
    filter: Omit<api.LogPageInput, 'after'>,
  ): AsyncGenerator<LogPage, void, undefined> {
    for (let before = filter.before; ;) {
      const page = await this.read(source, { ...filter, ...(before && { before }) });
      yield page;
      if (!page.hasOlder || !page.cursor) return;
      before = page.cursor;
    }
  }

  async *#skipped(source: api.LogSourceInput, gap: NonNullable<LogEvent['gap']>): AsyncGenerator<LogLine> {
    for (let after = gap.from; ;) {
      const page = await this.read(source, { after, last: 5_000 });
      const lines = page.lines.filter((line) => Number(line.cursor) <= Number(gap.to));
      yield* lines;
      const last = lines.at(-1)?.cursor;
      if (!last || lines.length < page.lines.length || last === gap.to) return;
      after = last;
    }
  }

  /** A signed address of a log, or of what a filter leaves of it, as text or JSON lines; ends after 60 seconds. */
  async downloadUrl(source: api.LogSourceInput, options?: api.LogDownloadInput): Promise<string> {
    const variables = { source, ...(options && { options }) };
    return (await this.#client.mutate(api.CreateLogDownloadDocument, variables)).createLogDownload.url;
  }

  /** Where lines of a team's apps go besides the event log; without a team those of the whole data centre. */
  async outputs(where: api.LogOutputsQueryVariables = {}): Promise<api.LogOutputFieldsFragment[]> {
    return (await this.#client.query(api.LogOutputsDocument, where)).logOutputs;
  }

  /** Makes or replaces an output; a secret that is not given stays as it is. */
  async saveOutput(input: api.LogOutputInput): Promise<api.LogOutputFieldsFragment> {
    return (await this.#client.mutate(api.SaveLogOutputDocument, { input })).saveLogOutput;
  }

  async deleteOutput(id: string, teamId?: string): Promise<void> {
    await this.#client.mutate(api.DeleteLogOutputDocument, { id, ...(teamId && { teamId }) });
  }
}
