import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import type { TestProject } from 'vitest/node';
import { createClient } from '@skyarc/sdk';
import { Installation } from './installation.ts';

/** What every journey is given; the installation is one for all, as a user has one. */
export interface World {
  readonly consoleUrl: string;
  readonly gatewayUrl: string;
  readonly domain: string;
  readonly owner: { readonly email: string; readonly password: string };
  readonly team: string;
  readonly groupId: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    world: World;
    /** Folder of an authority that the installation trusts beside those of the machine. */
    authorityFolder: string;
  }
}

const authorityFolder = join(tmpdir(), 'skyarctest-authority');

export const journeyInstallation = {
  instance: 'skyarctest',
  portOffset: 3_500,
  network: 150,
  env: { NODE_EXTRA_CA_CERTS: join(authorityFolder, 'trusted.pem') },
} as const;

/** A fresh installation, claimed by its first user; removed with every trace at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await trustOurAuthority();
  const installation = new Installation(journeyInstallation);
  await installation.purge();
  await installation.start();
  const owner = { email: 'ann@example.test', password: 'correct horse battery' };
  const client = createClient({ url: `${installation.consoleUrl}/graphql` });
  const token = installation.claimToken();
  if (!token) throw new Error(`No claim link was printed:\n${installation.output}`);
  await client.account.claim({ token, name: 'Ann', teamName: 'blue', ...owner });
  const { groups } = await client.teams.get('blue');
  await client.dispose();
  project.provide('world', {
    consoleUrl: installation.consoleUrl,
    gatewayUrl: installation.gatewayUrl,
    domain: 'skyarc.localhost',
    owner,
    team: 'blue',
    groupId: (groups[0] as { id: string }).id,
  });
  project.provide('authorityFolder', authorityFolder);
  return async () => {
    await installation.purge();
    await rm(authorityFolder, { recursive: true });
  };
}

/** Writes the certificate of a new authority beside whatever else Node.js is told to trust here. */
async function trustOurAuthority(): Promise<void> {
  await rm(authorityFolder, { recursive: true, force: true });
  const { cert } = await CertificateAuthority.ensure(authorityFolder, 'Skyarc tests');
  const others = process.env['NODE_EXTRA_CA_CERTS'];
  await writeFile(
    journeyInstallation.env.NODE_EXTRA_CA_CERTS,
    (others ? await readFile(others, 'utf8') : '') + cert,
  );
}
