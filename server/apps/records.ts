import type { Note } from '@skyarc/lib/compose';
import type {
  AppPayload,
  BuildPayload,
  dataCenterDocuments as documents,
  OperationPayload,
} from '@skyarc/server/host';

/** As a data centre gives it; parts that were not asked for are absent. */
export type AppRecord = AppPayload;
export type BuildRecord = BuildPayload;
export type OperationRecord = OperationPayload;
export type VersionRecord = NonNullable<BuildPayload['version']>;

/** Owned by the console layer: only what leads to it. */
export interface TeamReference {
  readonly id: string;
}
export interface GroupReference {
  readonly id: string;
}

/** What a change answers; the app itself is read when it is asked for. */
export interface ChangedApp {
  readonly appId: string;
  readonly operation: OperationRecord | null;
}

export type DependencyRecord = NonNullable<AppPayload['dependencies']>[number];
export type ConfigSetRecord = documents.ConfigSetsQuery['configSets'][number];
export type PluginRecord = documents.PluginsQuery['plugins'][number];
export type CertificateRecord = documents.CertificatesQuery['certificates'][number];
export type ExplanationRecord = documents.ExplainRequestQuery['explainRequest'];
export type ExplainedTargetRecord = ExplanationRecord['targets'][number];
export type RegistryCredentialRecord = documents.RegistryCredentialFragment;
/** What a data centre says, and which one. */
export type QuotaRecord = documents.QuotaQuery['quota'] & { readonly dataCenterName: string };
/** Apps that an import made, in start order. */
export interface ImportedAppsRecord {
  readonly appIds: readonly string[];
  readonly operations: readonly OperationRecord[];
  readonly notes: readonly Note[];
}
export type WebhookRecord = documents.WebhookFragment;
