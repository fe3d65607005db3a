import { z } from 'zod';
import { entityId } from './ids.ts';

/** Topics of the message queue. */
export const topics = { build: 'build', runtime: 'runtime' } as const;

/** Topic `build`, key = app id. The rows of build and operation hold everything else. */
export const buildTask = z.object({
  operationId: entityId,
  buildId: entityId,
  appId: entityId,
  team: z.string(),
});
export type BuildTask = z.infer<typeof buildTask>;

/** Topic `runtime`, key = app id. The rows of app and operation hold everything else. */
export const runtimeTask = z.object({ operationId: entityId, appId: entityId, team: z.string() });
export type RuntimeTask = z.infer<typeof runtimeTask>;
