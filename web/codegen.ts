import { generate } from '@graphql-codegen/cli';
import type { CodegenConfig } from '@graphql-codegen/cli';
import { join } from 'node:path';

const here = import.meta.dirname;

/** Typed documents of the pages that need an answer shaped for them; the rest uses the SDK's. */
const config: CodegenConfig = {
  schema: join(here, '../schema/api.graphql'),
  documents: join(here, 'src/features/*/operations.graphql'),
  generates: {
    [join(here, 'src/generated/operations.ts')]: {
      plugins: ['typescript-operations', 'typed-document-node'],
    },
  },
  config: {
    scalars: { ID: 'string', DateTime: 'string' },
    enumType: 'string-literal',
    documentMode: 'string',
    useTypeImports: true,
    skipTypename: true,
  },
};

export default config;

if (import.meta.main) await generate(config);
