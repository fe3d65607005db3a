import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import type { TestProject } from 'vitest/node';
import { Installation, type InstallationOptions } from './installation.ts';
import { type Place, places } from './places.ts';
import { claim } from './session.ts';

/** What every journey is given; the installation is one for all of a project, as a user has one. */
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
    /** How to reach the project's installation by its command. */
    installation: InstallationOptions;
    /** Folder of an authority that the installation trusts beside those of the machine. */
    authorityFolder: string;
  }
}

/** A fresh installation for the project, claimed by its first user; removed with every trace at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const place: Place | undefined = (places as Readonly<Record<string, Place>>)[project.name];
  if (!place) throw new Error(`No installation for project ${project.name}`);
  const authorityFolder = join(tmpdir(), `${place.instance}-authority`);
  const NODE_EXTRA_CA_CERTS = await trustOurAuthority(authorityFolder);
  const options = { ...place, env: { ...place.env, NODE_EXTRA_CA_CERTS } };
  const installation = new Installation(options);
  await installation.purge();
  await installation.start();
  project.provide('world', await claim(installation));
  project.provide('installation', options);
  project.provide('authorityFolder', authorityFolder);
  return async () => {
    await installation.purge();
    await rm(authorityFolder, { recursive: true });
  };
}

/** Writes the certificate of a new authority beside whatever else Node.js is told to trust here; answers the file. */
async function trustOurAuthority(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  const { cert } = await CertificateAuthority.ensure(folder, 'Skyarc tests');
  const others = process.env['NODE_EXTRA_CA_CERTS'];
  const file = join(folder, 'trusted.pem');
  await writeFile(file, (others ? await readFile(others, 'utf8') : '') + cert);
  return file;
}
