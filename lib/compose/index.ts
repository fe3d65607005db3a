export { parseCompose } from './compose.ts';
export { parseDockerRun } from './docker-run.ts';
export { shellWords, type Word } from './words.ts';
export type {
  AppDraft,
  Beside,
  DraftBuild,
  DraftPort,
  DraftProbe,
  DraftProtocol,
  Drafts,
  DraftVariable,
  DraftVolume,
  Note,
  NoteLevel,
} from './draft.ts';
