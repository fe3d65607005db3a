import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  importExtension: '.ts',
  generates: {
    'api/generated/resolvers.ts': {
      schema: '../schema/datacenter.graphql',
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        enumsAsTypes: true,
        useTypeImports: true,
        scalars: { ID: 'string', DateTime: { input: 'string', output: 'Date | string' } },
        contextType: '../context.ts#CallContext',
        mappers: {
          App: '../records.ts#AppRecord',
          Build: '../records.ts#BuildRecord',
          Version: '../records.ts#VersionRecord',
          Operation: '../records.ts#OperationRecord',
        },
      },
    },
  },
};
export default config;
