import type { GraphQLClient } from '../client.ts';
import { SkyarcError } from '../error.ts';
import * as api from '../generated/operations.ts';
import { Terminal } from '../terminal.ts';
import type { TerminalHandlers } from '../terminal.ts';
import { found } from './apps.ts';

export type TerminalSession = api.TerminalSessionFieldsFragment;
export type TerminalTarget = NonNullable<
  NonNullable<api.AppTerminalTargetsQuery['app']>['terminalTargets']
>[number];

export interface TerminalStart extends api.OpenTerminalInput {
  readonly cols: number;
  readonly rows: number;
  /** Comes back to this session; when it is over, one like it is begun. */
  readonly id?: string;
}

/** Terminals in the containers of apps, and what is kept of them; for developers and owners. */
export class TerminalMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Pods and containers in which one can be opened, ready ones first. Throws FORBIDDEN for viewers. */
  async targets(appId: string): Promise<TerminalTarget[]> {
    const app = found(
      (await this.#client.query(api.AppTerminalTargetsDocument, { id: appId })).app,
      'app',
      appId,
    );
    return permitted(app.terminalTargets);
  }

  /** Opens a shell, or a command, and shows it to the handlers; it comes back by itself when its line breaks. */
  open({ cols, rows, id, ...input }: TerminalStart, handlers: TerminalHandlers): Terminal {
    const line = {
      grant: async (session: string | null) =>
        session === null
          ? (await this.#client.mutate(api.OpenTerminalDocument, { input })).openTerminal
          : (await this.#client.mutate(api.ResumeTerminalDocument, { id: session })).resumeTerminal,
      connect: (protocols: string[]) => this.#client.openSocket('/terminal', protocols),
    };
    return new Terminal(line, handlers, { id: id ?? null, cols, rows });
  }

  /** Ends a session, also one that somebody else of the team has open; false when it had ended before. */
  async close(id: string): Promise<boolean> {
    return (await this.#client.mutate(api.CloseTerminalDocument, { id })).closeTerminal;
  }

  /** Who had a terminal, newest first. Throws FORBIDDEN for viewers. */
  async sessions(
    appId: string,
    page: { readonly first?: number; readonly after?: string } = {},
  ): Promise<{ items: TerminalSession[]; next: string | null }> {
    const variables = { id: appId, ...page };
    const app = found(
      (await this.#client.query(api.AppTerminalSessionsDocument, variables)).app,
      'app',
      appId,
    );
    const { items, next } = permitted(app.terminalSessions);
    return { items, next: next ?? null };
  }

  /** A session's recording (asciicast v2), in pieces of whole lines. */
  async *recording(id: string): AsyncGenerator<string, void, undefined> {
    for (let from: number | null | undefined = 0; typeof from === 'number';) {
      const part: api.TerminalRecordingQuery = await this.#client.query(api.TerminalRecordingDocument, {
        id,
        from,
      });
      yield part.terminalRecording.text;
      from = part.terminalRecording.next;
    }
  }

  /** Removes a recording (owners). */
  async deleteRecording(id: string): Promise<TerminalSession> {
    return (await this.#client.mutate(api.DeleteTerminalRecordingDocument, { id })).deleteTerminalRecording;
  }
}

function permitted<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined)
    throw new SkyarcError('FORBIDDEN', 'Terminals are for developers and owners of the team');
  return value;
}
