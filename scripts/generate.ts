/**
 * Makes every generated file: supergraph and public schema, resolver types, typed documents, protobuf
 * messages, database clients. `--check` fails when a committed one is out of step. A part whose inputs
 * have not changed since it was last made is skipped.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CodegenConfig } from '@graphql-codegen/cli';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import { parse } from 'graphql';

const root = join(import.meta.dirname, '..');
const stamps = join(root, 'node_modules/.cache/skyarc-generate');
const subgraphs = ['accounts', 'apps', 'datacenters', 'groups', 'logs', 'market', 'monitor'];
const isCheck = process.argv.includes('--check');

/** One thing to make: `inputs` decide whether it must be made again, `outputs` must exist afterwards. */
interface Part {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  make(): Promise<void>;
}

/** Compares with what is committed, or writes it. */
async function put(file: string, text: string): Promise<void> {
  const path = join(root, file);
  const present = existsSync(path) ? await readFile(path, 'utf8') : null;
  if (present === text) return;
  if (isCheck) throw new AppError('CONFLICT', `${file} is out of step: run "npm run generate" and commit it`);
  await writeFile(path, text);
}

async function compose(): Promise<void> {
  const { composeServices, compositionHasErrors } = await import('@theguild/federation-composition');
  const services = await Promise.all(
    subgraphs.map(async (name) => ({
      name,
      url: `http://${name}.internal/graphql`,
      typeDefs: parse(await readFile(join(root, 'schema', `${name}.graphql`), 'utf8')),
    })),
  );
  const result = composeServices(services);
  if (compositionHasErrors(result)) {
    const problems = result.errors.map((error) => error.message).join('\n');
    throw new AppError('INVALID', `The subgraphs do not compose:\n${problems}`);
  }
  await put('schema/supergraph.graphql', `${result.supergraphSdl.trim()}\n`);
  await put('schema/api.graphql', `${result.publicSdl.trim()}\n`);
}

async function protobuf(): Promise<void> {
  const committed = 'lib/contracts/generated';
  const out = isCheck ? await mkdtemp(join(tmpdir(), 'skyarc-proto-')) : root;
  try {
    const { code, stdout, stderr } = await run('buf', ['generate', '-o', out], {
      cwd: root,
      env: { ...(process.env as Record<string, string>), BUF_CACHE_DIR: join(stamps, 'buf') },
    });
    if (code !== 0) throw new AppError('INVALID', `buf generate failed:\n${stdout}${stderr}`);
    if (!isCheck) return;
    for await (const file of glob('**/*.{js,ts}', { cwd: join(out, committed) })) {
      await put(join(committed, file), await readFile(join(out, committed, file), 'utf8'));
    }
  } finally {
    if (isCheck) await rm(out, { recursive: true });
  }
}

async function databaseClients(): Promise<void> {
  const { code, stdout, stderr } = await run(process.execPath, ['prisma/generate.ts'], { cwd: root });
  if (code !== 0) throw new AppError('INVALID', `prisma generate failed:\n${stdout}${stderr}`);
}

/** A workspace with a `codegen.ts` whose default export is a CodegenConfig; paths in it are its own. */
async function codegen(workspace: string): Promise<void> {
  const cwd = join(root, workspace);
  const url = pathToFileURL(join(cwd, 'codegen.ts')).href;
  const { default: config } = (await import(url)) as { default: CodegenConfig };
  // Loaded only when something is to be made: it takes most of a second.
  const { generate } = await import('@graphql-codegen/cli');
  await generate({ ...config, cwd, silent: true, errorsOnly: true }, true);
}

async function codegenPart(workspace: string): Promise<Part> {
  const url = pathToFileURL(join(root, workspace, 'codegen.ts')).href;
  const { default: config } = (await import(url)) as { default: CodegenConfig };
  return {
    name: `codegen of ${workspace}`,
    inputs: [`${workspace}/codegen.ts`, 'schema/*.graphql', `${workspace}/**/*.graphql`],
    outputs: Object.keys(config.generates).map((file) => join(workspace, file)),
    make: () => codegen(workspace),
  };
}

function isForeign(path: string): boolean {
  return /(^|\/)(node_modules|\.next|out)(\/|$)/.test(path);
}

async function hashOf(part: Part): Promise<string> {
  const hash = createHash('sha256');
  const patterns = [...part.inputs, 'package-lock.json', 'scripts/generate.ts'];
  const files: string[] = [];
  for (const pattern of patterns) {
    for await (const file of glob(pattern, { cwd: root, exclude: isForeign })) files.push(file);
  }
  for (const file of files.toSorted()) hash.update(`${file}\0`).update(await readFile(join(root, file)));
  return hash.digest('hex');
}

async function ensure(part: Part): Promise<void> {
  const stamp = join(stamps, part.name.replaceAll(/\W+/g, '-'));
  const hash = await hashOf(part);
  const isFresh =
    part.outputs.every((file) => existsSync(join(root, file))) &&
    (await readFile(stamp, 'utf8').catch(() => '')) === hash;
  if (isFresh && !isCheck) return;
  const startedAt = performance.now();
  await part.make();
  await mkdir(stamps, { recursive: true });
  await writeFile(stamp, await hashOf(part));
  console.log(
    `${isCheck ? 'checked' : 'made'} ${part.name} (${Math.round(performance.now() - startedAt)} ms)`,
  );
}

async function main(): Promise<void> {
  const supergraph: Part = {
    name: 'supergraph',
    inputs: ['schema/*.graphql'],
    outputs: ['schema/supergraph.graphql', 'schema/api.graphql'],
    make: compose,
  };
  const workspaces: string[] = [];
  for await (const file of glob('*/codegen.ts', { cwd: root }))
    workspaces.push(relative('.', join(file, '..')));
  const withCodegen = async (): Promise<void> => {
    await ensure(supergraph);
    for (const workspace of workspaces.toSorted()) await ensure(await codegenPart(workspace));
  };
  const results = await Promise.allSettled([
    withCodegen(),
    ensure({
      name: 'protobuf messages',
      inputs: ['buf.gen.yaml', 'buf.yaml', 'lib/contracts/proto/**/*.proto'],
      outputs: ['lib/contracts/generated'],
      make: protobuf,
    }),
    ensure({
      name: 'database clients',
      inputs: ['prisma/*/schema.prisma', 'prisma/generate.ts'],
      outputs: ['prisma/generated/datacenter/client.ts', 'prisma/generated/console/client.ts'],
      make: databaseClients,
    }),
  ]);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    console.error(messageOf(result.reason));
    process.exitCode = 1;
  }
}

await main();
