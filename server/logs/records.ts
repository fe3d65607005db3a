import type { LogFormat, LogKind } from './generated/resolvers.ts';

/** An app, build or operation as far as its log is concerned. */
export interface LogOwner {
  readonly id: string;
}

/** What a download grant allows. */
export interface LogGrant {
  readonly kind: LogKind;
  readonly id: string;
  readonly team: string;
  readonly actor: string;
  readonly format: LogFormat;
  readonly isCompressed: boolean;
  readonly filter: LogFilter;
}

/** Which lines; times in RFC 3339. */
export interface LogFilter {
  readonly contains?: string | null;
  readonly pattern?: string | null;
  readonly pod?: string | null;
  readonly from?: string | null;
  readonly until?: string | null;
}
