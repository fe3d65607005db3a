import { z } from 'zod';
import { entityId } from './ids.ts';

/**
 * WebSocket protocol of a terminal, end to end from the browser to webcli. Binary messages are bytes typed (to
 * the server) and shown (from it); text messages are the JSON below. An offset counts the bytes shown since the
 * session began.
 */
export const terminalProtocol = 'v1.terminal.skyarc.dev';

/** Beginning of the second protocol that a client offers: the rest is its signed grant. */
export const terminalGrantPrefix = 'grant.';

export const terminalEnd = z.enum([
  'EXITED',
  'CLOSED',
  'IDLE',
  'ABANDONED',
  'REVOKED',
  'SHUT_DOWN',
  'FAILED',
]);
export type TerminalEnd = z.infer<typeof terminalEnd>;

/** What a data centre's API allows the bearer: one WebSocket to one session at one instance of webcli. */
export const terminalGrant = z.object({
  use: z.literal('terminal'),
  /** Random; a grant works once. */
  nonce: z.string(),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
  instance: z.string(),
  session: entityId,
  /** True: begins the session; false: comes back to it. */
  isNew: z.boolean(),
  team: z.string(),
  appId: entityId,
  namespace: z.string(),
  pod: z.string(),
  container: z.string(),
  /** Null finds a shell. */
  command: z.array(z.string()).nullable(),
  /** True: in a debug container beside `container`. */
  debug: z.boolean(),
  record: z.boolean(),
  actor: z.string(),
  remoteAddress: z.string().nullable(),
  /** Ties it to a login of the console layer. */
  binding: z.string(),
});
export type TerminalGrantClaims = z.infer<typeof terminalGrant>;

/** What a data centre's API shows webcli besides: that a request about sessions and recordings is its own. */
export const terminalControl = z.object({
  use: z.literal('terminal-control'),
  expiresAt: z.number(),
  instance: z.string(),
});

const size = { cols: z.int().min(1).max(1_000), rows: z.int().min(1).max(1_000) };

/** From the client; `attach` is the first. */
export const terminalRequest = z.discriminatedUnion('type', [
  /** `offset`: what this client has shown already; 0 asks for the screen. */
  z.object({ type: z.literal('attach'), offset: z.int().min(0), ...size }),
  z.object({ type: z.literal('resize'), ...size }),
  /** Everything before the offset is on the screen: the server may send as much again. */
  z.object({ type: z.literal('ack'), offset: z.int().min(0) }),
  /** Hang up; a mere disconnect keeps the session for the grace time. */
  z.object({ type: z.literal('close') }),
]);
export type TerminalRequest = z.infer<typeof terminalRequest>;

/** From the server. */
export type TerminalNotice =
  /** Bytes follow from the offset on; `restart` asks to clear the screen first. */
  | {
      readonly type: 'ready';
      readonly offset: number;
      readonly restart: boolean;
      readonly container: string;
      readonly command: readonly string[];
      readonly recording: boolean;
      readonly idleMs: number;
      readonly graceMs: number;
    }
  /** What a session is waiting for before it can be ready. */
  | { readonly type: 'opening'; readonly message: string }
  /** So many bytes were left out, because a key was pressed that ends a flood; the next byte has the offset. */
  | { readonly type: 'gap'; readonly bytes: number; readonly offset: number }
  /** So many of the bytes that this tab typed have left for the pod; it may be 128 KiB ahead. */
  | { readonly type: 'taken'; readonly bytes: number }
  /** It ends in so many milliseconds unless something is typed. */
  | { readonly type: 'idle'; readonly endsInMs: number }
  /** This instance is stopping: come back, to be served by another. */
  | { readonly type: 'draining' }
  /** The recording has reached its limit and was closed. */
  | { readonly type: 'recording-full' }
  /** The last message. */
  | {
      readonly type: 'end';
      readonly end: TerminalEnd;
      readonly exitCode: number | null;
      readonly message: string | null;
      /** NO_SHELL when the container has none. */
      readonly reason?: string;
    };
