import { z } from 'zod';
import { workload } from './run.ts';

/** How long an examination is kept. */
export const examinationLifeMs = 3_600_000;

const found = z.object({ name: z.string(), value: z.string(), reason: z.string() });

const problem = z.object({
  severity: z.enum(['ERROR', 'WARNING']),
  message: z.string(),
  /** What to do; null when the message says it. */
  advice: z.string().nullable(),
});
export type FoundProblem = z.infer<typeof problem>;

/** What an app of a source would be, each with where it was found. */
const settings = z.object({
  /** Null for an image. */
  buildpack: z.string().nullable(),
  language: z.string(),
  reason: z.string(),
  version: z.string().nullable(),
  workload,
  memoryMb: z.int().positive(),
  ports: z.array(
    z.object({ port: z.int(), protocol: z.enum(['HTTP', 'GRPC', 'TCP', 'UDP']), reason: z.string() }),
  ),
  env: z.array(found),
  volumes: z.array(z.object({ mountPath: z.string(), reason: z.string() })),
  processes: z.array(z.object({ name: z.string(), command: z.string() })),
});
export type FoundSettings = z.infer<typeof settings>;

const module = z.object({
  name: z.string(),
  path: z.string(),
  packaging: z.string().nullable(),
  reason: z.string(),
});
export type FoundModule = z.infer<typeof module>;

/** Stored with an examination when it is final. */
export const examinationResult = z.object({
  revision: z.string().nullable(),
  found: settings.nullable(),
  modules: z.array(module),
  problems: z.array(problem),
});
export type ExaminationResult = z.infer<typeof examinationResult>;
