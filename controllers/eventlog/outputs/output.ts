import type { LogOutputKind, LogOutputSettings } from '@skyarc/lib/contracts';
import type { EgressPolicy } from '@skyarc/lib/egress';

/** A line with what receivers are told of its origin. */
export interface OutputLine {
  readonly timeMs: number;
  readonly text: string;
  readonly level: string;
  readonly channel: string;
  readonly team: string;
  readonly appId: string;
  /** Name of the app. */
  readonly app: string;
  /** Pod and container. */
  readonly source: string;
  /** Of the event log; with the app's id it names the line for ever. */
  readonly sequence: number;
}

export interface Delivery<Kind extends LogOutputKind = LogOutputKind> {
  readonly settings: LogOutputSettings<Kind>;
  /** Password or token; null when there is none. */
  readonly secret: string | null;
  readonly policy: EgressPolicy;
  readonly lines: readonly OutputLine[];
  readonly signal: AbortSignal;
}

/** Resolves once the receiver has the lines. Throws UNAVAILABLE, FORBIDDEN, INVALID; then all are sent again. */
export type Send<Kind extends LogOutputKind> = (delivery: Delivery<Kind>) => Promise<void>;
