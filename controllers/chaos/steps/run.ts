import type { BuiltSource, BuildTask } from '@skyarc/lib/contracts';
import type { RegistryClient } from '@skyarc/lib/oci';
import type {
  AppRecord,
  BuildRecord,
  DataCenterDatabase,
  OperationJournal,
  TeamRecord,
} from '@skyarc/prisma/datacenter';
import type { BuildLog } from '../build-log.ts';
import type { Shared } from '../shared.ts';

/** Everything that the steps of one build work with. */
export interface BuildRun {
  readonly task: BuildTask;
  readonly build: BuildRecord;
  readonly app: AppRecord & { readonly team: TeamRecord };
  readonly source: BuiltSource;
  readonly db: DataCenterDatabase;
  readonly journal: OperationJournal;
  /** Name in the build's claim. */
  readonly owner: string;
  readonly log: BuildLog;
  readonly shared: Shared;
  readonly registry: RegistryClient;
  /** Of this attempt. */
  readonly startedAt: Date;
  /** True: a builder that worked on it before has died. */
  readonly isResumed: boolean;
  /** True: nothing that an earlier build made is used. */
  readonly isFresh: boolean;
  /** Id of the version that is only put over the newest base; null: the source is built. */
  readonly rebaseOf: string | null;
  /** Whether an administrator lets sources be private addresses. */
  readonly allowPrivate: boolean;
  /** Fires with an AppError: canceled, timed out, claim lost, or the service stops. */
  readonly signal: AbortSignal;
}

/** Repository of an app's images, without the registry's address. */
export function repositoryOf({ teamName, name }: Pick<AppRecord, 'teamName' | 'name'>): string {
  return `${teamName}/${name}`;
}
