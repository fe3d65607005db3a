import type { LogKind } from './generated/resolvers.ts';

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
}
