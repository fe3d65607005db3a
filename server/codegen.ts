import type { CodegenConfig } from '@graphql-codegen/cli';

const shared = {
  enumsAsTypes: true,
  useTypeImports: true,
  scalars: { ID: 'string', DateTime: { input: 'string', output: 'Date | string' } },
};

/** Types that a room's resolvers give to each other, where they are not the payload itself. */
const mappers: Record<string, Record<string, string>> = {
  accounts: {
    Viewer: '../records.ts#ViewerRecord',
    User: '../records.ts#UserRecord',
    Team: '../records.ts#TeamRecord',
    TeamMember: '../records.ts#TeamMemberRecord',
    ApiToken: '../records.ts#ApiTokenRecord',
  },
  groups: { Group: '../records.ts#GroupRecord', Team: '../records.ts#TeamReference' },
  apps: {
    App: '../records.ts#AppRecord',
    Build: '../records.ts#BuildRecord',
    Operation: '../records.ts#OperationRecord',
    Team: '../records.ts#TeamReference',
    Group: '../records.ts#GroupReference',
    Version: '../records.ts#VersionRecord',
    CreateAppPayload: '../records.ts#ChangedApp',
    AppChange: '../records.ts#ChangedApp',
    Dependency: '../records.ts#DependencyRecord',
    ConfigSet: '../records.ts#ConfigSetRecord',
    Plugin: '../records.ts#PluginRecord',
    RegistryCredential: '../records.ts#RegistryCredentialRecord',
    ImportedApps: '../records.ts#ImportedAppsRecord',
    Webhook: '../records.ts#WebhookRecord',
    Certificate: '../records.ts#CertificateRecord',
    QuotaUse: '../records.ts#QuotaRecord',
    RequestExplanation: '../records.ts#ExplanationRecord',
    ExplainedTarget: '../records.ts#ExplainedTargetRecord',
  },
  datacenters: { DataCenter: '../records.ts#DataCenterRecord' },
  logs: {
    App: '../records.ts#LogOwner',
    Build: '../records.ts#LogOwner',
    Operation: '../records.ts#LogOwner',
  },
  market: {},
  monitor: { App: '../records.ts#AppReference' },
};

const config: CodegenConfig = {
  importExtension: '.ts',
  generates: {
    'host/generated/datacenter.ts': {
      schema: '../schema/datacenter.graphql',
      documents: 'host/data-centers/operations.graphql',
      plugins: ['typescript-operations', 'typed-document-node'],
      config: { ...shared, scalars: { ID: 'string', DateTime: 'string' }, skipTypename: true },
    },
    ...Object.fromEntries(
      Object.entries(mappers).map(([name, types]) => [
        `${name}/generated/resolvers.ts`,
        {
          schema: `../schema/${name}.graphql`,
          plugins: ['typescript', 'typescript-resolvers'],
          config: {
            ...shared,
            federation: true,
            contextType: '@skyarc/server/host#RequestContext',
            mappers: types,
          },
        },
      ]),
    ),
  },
};
export default config;
