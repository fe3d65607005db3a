import { z } from 'zod';

const word = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const words = z.record(z.string(), word).default({});
const portNumber = z.number().int().min(1).max(65_535);
const protocol = z
  .string()
  .transform((text) => text.toUpperCase())
  .pipe(z.enum(['HTTP', 'GRPC', 'TCP', 'UDP']));
const port = z.union([
  portNumber.transform((number) => ({ port: number })),
  z.strictObject({ port: portNumber, protocol: protocol.optional() }),
]);
const memory = z.union([
  z.number().int().min(1),
  z
    .string()
    .regex(/^\d+ ?([MG]i?B?)$/, 'is not like 512, "512M" or "1Gi"')
    .transform((text) => Number.parseInt(text, 10) * (/G/.test(text) ? 1024 : 1)),
]);
const absolutePath = z.string().regex(/^\/[^\0:,]*[^\0:,/]$/, 'must be an absolute path, not "/"');

/** The project file, `skyarc.yml`; every key may be absent. */
export const projectFileSchema = z.strictObject({
  build: z
    .strictObject({
      buildpack: z.string().optional(),
      module: z.string().optional(),
      command: z.string().optional(),
      args: words,
      env: words,
      dockerfile: z.string().optional(),
      target: z.string().optional(),
      documentRoot: z.string().optional(),
    })
    .prefault({}),
  run: z
    .strictObject({
      command: z.string().optional(),
      processes: z.record(z.string().regex(/^[A-Za-z0-9_-]+$/), z.string().min(1)).default({}),
      ports: z.array(port).default([]),
      /** MiB, or text with a unit. */
      memory: memory.optional(),
      env: words,
      volumes: z.array(absolutePath).default([]),
      healthPath: z.string().startsWith('/').optional(),
    })
    .prefault({}),
});

/** A project file as it counts, whatever its name. */
export interface ProjectFile extends z.output<typeof projectFileSchema> {
  /** Null without one. */
  readonly name: string | null;
  readonly warnings: readonly string[];
}
