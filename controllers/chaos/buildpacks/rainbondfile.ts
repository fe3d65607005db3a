import { z } from 'zod';
import { type ProjectFile, projectFileSchema } from './project-file.ts';
import { parseYaml } from './yaml-text.ts';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const envs = z
  .record(
    z.string(),
    text.nullish().transform((value) => value ?? ''),
  )
  .nullish();
const port = z.looseObject({
  port: z.coerce.number().int().min(1).max(65_535),
  protocol: z.string().optional(),
});

/** Rainbond's file of the same purpose (goodrain/rainbond, builder/parser/code: rainbondfile). */
const shape = z.looseObject({
  language: z.string().nullish(),
  buildpath: z.string().nullish(),
  cmd: z.string().nullish(),
  ports: z.array(port).nullish(),
  envs,
  services: z.array(z.looseObject({ name: z.string(), ports: z.array(port).nullish(), envs })).nullish(),
});

/** Its names of languages, in small letters without punctuation. */
const buildpacks: Readonly<Record<string, string>> = {
  dockerfile: 'dockerfile',
  javajar: 'java',
  javawar: 'java',
  javamaven: 'java',
  gradle: 'java',
  java: 'java',
  php: 'php',
  python: 'python',
  nodejsstatic: 'nodejs',
  nodejs: 'nodejs',
  node: 'nodejs',
  ruby: 'ruby',
  static: 'static',
  go: 'go',
  golang: 'go',
};
const protocols = { http: 'HTTP', https: 'HTTP', grpc: 'GRPC', udp: 'UDP' } as const;
const known = new Set(Object.keys(shape.shape));

/** What a rainbondfile says, in our terms; what has no counterpart is a warning. */
export function readRainbondfile(content: string): ProjectFile {
  const name = 'rainbondfile';
  const file = parseYaml(name, content, shape);
  const warnings: string[] = [];
  const language = (file.language ?? '').toLowerCase().replace(/[^a-z]/g, '');
  const buildpack = buildpacks[language];
  if (language && !buildpack)
    warnings.push(`${name}: language "${file.language}" has no buildpack here; it is detected`);
  for (const key of Object.keys(file))
    if (!known.has(key)) warnings.push(`${name}: "${key}" has no meaning here`);
  const services = file.services ?? [];
  const [only] = services;
  if (services.length > 1) {
    const names = services.map((service) => service.name).join(', ');
    warnings.push(
      `${name}: its services ${names} are an app each here; create them with module set to each name`,
    );
  }
  const single = services.length === 1 ? only : undefined;
  const project = projectFileSchema.parse({
    build: { ...(buildpack ? { buildpack } : {}), ...(file.buildpath ? { module: file.buildpath } : {}) },
    run: {
      ...(file.cmd ? { command: file.cmd } : {}),
      ports: [...(file.ports ?? []), ...(single?.ports ?? [])].map(({ port: number, protocol = 'http' }) => ({
        port: number,
        protocol: protocols[protocol.toLowerCase() as keyof typeof protocols] ?? 'TCP',
      })),
      env: runEnv({ ...file.envs, ...single?.envs }),
    },
  });
  return { ...project, name, warnings };
}

/** Its BUILD_* variables steer its own builder, not the app. */
function runEnv(all: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([key]) => !key.startsWith('BUILD_')));
}
