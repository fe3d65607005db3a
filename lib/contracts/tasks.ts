import { z } from 'zod';
import { entityId } from './ids.ts';

/** Topics of the message queue. */
export const topics = { build: 'build', runtime: 'runtime', examine: 'examine' } as const;

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

/** Topic `examine`, key = examination id. The row holds everything else. */
export const examineTask = z.object({ examinationId: entityId, team: z.string() });
export type ExamineTask = z.infer<typeof examineTask>;
