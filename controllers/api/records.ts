import type {
  AppRecord as App,
  BuildRecord as Build,
  OperationRecord as Operation,
  VersionRecord as StoredVersion,
} from '@skyarc/prisma/datacenter';

export type AppRecord = App;
export type BuildRecord = Build & { readonly app: { readonly teamName: string } };
export type VersionRecord = StoredVersion & {
  readonly build: { readonly commitId: string | null; readonly commitMessage: string | null };
};
export type OperationRecord = Operation;
