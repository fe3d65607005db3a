import type {
  AppRecord as App,
  BuildRecord as Build,
  OperationRecord as Operation,
  VersionRecord as StoredVersion,
} from '@skyarc/prisma/datacenter';

export type AppRecord = App;
export type BuildRecord = Build & { readonly app: { readonly teamName: string } };
export type VersionRecord = StoredVersion & {
  readonly build: Pick<Build, 'commitId' | 'commitMessage' | 'layers'>;
};
export type OperationRecord = Operation;
