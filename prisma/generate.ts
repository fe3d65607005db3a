/** Generates the typed clients of both layers into prisma/generated. */
import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

/** Generates one client; the CLI wants some engine binary to exist though it never runs it. */
async function generate(layer: string): Promise<void> {
  const { code, stdout, stderr } = await run(
    'prisma',
    ['generate', '--schema', join(layer, 'schema.prisma')],
    {
      cwd: import.meta.dirname,
      env: {
        ...(process.env as Record<string, string>),
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        CHECKPOINT_DISABLE: '1',
      },
    },
  );
  if (code !== 0) throw new Error(`prisma generate failed for ${layer}:\n${stdout}${stderr}`);
}

try {
  await Promise.all(['datacenter', 'console'].map(generate));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
