import { z } from 'zod';

/**
 * Names of log streams in the event log. One stream is one totally ordered sequence of frames.
 * - `build/<build id>`: what a build prints.
 * - `operation/<operation id>`: what a person is told of an operation, all services together.
 * - `app/<app id>`: runtime lines of all its pods.
 * - `changes/<team>`: one ChangeNotice a frame; readers re-read what it names.
 */
export const streamOf = {
  build: (buildId: string) => `build/${buildId}`,
  operation: (operationId: string) => `operation/${operationId}`,
  app: (appId: string) => `app/${appId}`,
  changes: (team: string) => `changes/${team}`,
} as const;

export const streamName = z.string().regex(/^(build|operation|app|changes)\/[a-z0-9][a-z0-9.-]{0,120}$/);

export const logLevel = z.enum(['debug', 'info', 'warn', 'error']);
export type LogLevel = z.infer<typeof logLevel>;

/** Body of a frame in a `changes/<team>` stream, as JSON text. */
export const changeNotice = z.object({
  kind: z.enum(['app', 'build', 'operation']),
  id: z.string(),
  appId: z.string(),
});
export type ChangeNotice = z.infer<typeof changeNotice>;

/** What a grant to follow a log by WebSocket says. */
export const logStreamGrant = z.object({
  use: z.literal('log-stream'),
  stream: streamName,
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
});
export type LogStreamGrant = z.infer<typeof logStreamGrant>;
