import { z } from 'zod';
import { entityId } from './ids.ts';

/** On the ConfigMap that says what an app's clients are to do; its value is the app's id. */
export const meshLabel = 'skyarc.dev/mesh';
/** Key of the specification (MeshSpec as JSON) in that ConfigMap. */
export const meshKey = 'mesh';
/** On the same ConfigMap: what a client refused last (MeshRefusal as JSON). */
export const meshRefusalAnnotation = 'skyarc.dev/mesh-refusal';

export function meshObjectName(app: string): string {
  return `${app}-mesh`;
}

const milliseconds = z.int().min(1).max(86_400_000);
const count = z.int().min(1).max(1_000_000);

/** Reasons for which a call may be tried again, as gRPC names its status codes. */
export const retryReasons = [
  'UNAVAILABLE',
  'INTERNAL',
  'RESOURCE_EXHAUSTED',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
] as const;

/** How a client treats its calls to one app. */
export const meshPolicy = z.strictObject({
  /** For the whole call, retries included. */
  timeoutMs: milliseconds.optional(),
  retries: z
    .strictObject({
      attempts: z.int().min(1).max(10),
      perTryTimeoutMs: milliseconds.optional(),
      on: z.array(z.enum(retryReasons)).min(1).default(['UNAVAILABLE']),
    })
    .optional(),
  limits: z
    .strictObject({
      /** By Envoy only; gRPC has one connection for each endpoint. */
      maxConnections: count.optional(),
      /** Calls under way at the same time, of one client. */
      maxRequests: count.optional(),
    })
    .optional(),
  /** Endpoints that fail are left out for a while. */
  outlierDetection: z
    .strictObject({
      /** Failed calls of a hundred above which an endpoint is left out. */
      failurePercent: z.int().min(1).max(100),
      /** An endpoint with fewer calls in the interval is not judged. */
      minimumRequests: count.default(10),
      intervalMs: milliseconds.default(10_000),
      ejectionMs: milliseconds.default(30_000),
      /** At most so many of a hundred endpoints are left out. */
      maxEjectionPercent: z.int().min(1).max(100).default(50),
    })
    .optional(),
});
export type MeshPolicy = z.output<typeof meshPolicy>;

/** A header (gRPC metadata) by its whole value, its beginning, or by being there. */
export const meshHeader = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_.-]{0,127}$/, 'has a-z, 0-9, "-", "_" and "." only')
      .refine((name) => !name.startsWith('grpc-') && !name.endsWith('-bin'), 'is not to be matched'),
    exact: z.string().max(1_000).optional(),
    prefix: z.string().min(1).max(1_000).optional(),
  })
  .refine(({ exact, prefix }) => exact === undefined || prefix === undefined, 'is matched in one way only');
export type MeshHeader = z.output<typeof meshHeader>;

const weight = z.int().min(0).max(1_000_000);

/** Where calls go: a service of the namespace, or one pod of it. */
const meshTarget = z.strictObject({
  service: z.string(),
  /** Name of a pod. */
  instance: z.string().max(253).optional(),
  weight,
});
export type MeshTarget = z.output<typeof meshTarget>;

const meshRoute = z.strictObject({
  headers: z.array(meshHeader).max(16),
  targets: z.array(meshTarget).min(1).max(16),
});

/** What a client is told of one app that it needs. */
export const meshRule = z.strictObject({
  /** The name that it calls. */
  service: z.string(),
  /** Its ports that speak HTTP/2. */
  http2Ports: z.array(z.int()).default([]),
  policy: meshPolicy.default({}),
  /** In order; the first one that fits decides. What none fits goes to the service itself. */
  routes: z.array(meshRoute).default([]),
});
export type MeshRule = z.output<typeof meshRule>;

/** Everything that an app's clients are told. */
export const meshSpec = z.strictObject({
  appId: entityId,
  team: z.string(),
  app: z.string(),
  rules: z.array(meshRule),
});
export type MeshSpec = z.output<typeof meshSpec>;

export const meshRefusal = z.object({
  at: z.string(),
  /** Which kind of resource, e.g. `RouteConfiguration`. */
  kind: z.string(),
  message: z.string(),
});
export type MeshRefusal = z.output<typeof meshRefusal>;

/** What a client of discovery shows: it may ask for what this one app is told. */
export const meshGrant = z.object({
  use: z.literal('mesh'),
  appId: entityId,
  namespace: z.string(),
  expiresAt: z.number(),
});
export type MeshGrant = z.output<typeof meshGrant>;

/** The app's record: what a person set, with apps by id. */
export const meshSettings = z.strictObject({
  rules: z
    .array(
      z.strictObject({
        /** Of an app that it needs. */
        appId: entityId,
        policy: meshPolicy.default({}),
        routes: z
          .array(
            z.strictObject({
              headers: z.array(meshHeader).max(16).default([]),
              targets: z
                .array(
                  z.strictObject({
                    /** Of an app of the team. */
                    appId: entityId,
                    /** The candidate of its grey release. */
                    candidate: z.boolean().default(false),
                    instance: z
                      .string()
                      .max(253)
                      .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is no name of a pod')
                      .optional(),
                    weight: weight.default(100),
                  }),
                )
                .min(1)
                .max(16)
                .refine((targets) => targets.some((one) => one.weight > 0), 'need a weight above 0'),
            }),
          )
          .max(32)
          .default([]),
      }),
    )
    .max(100)
    .refine(
      (rules) => new Set(rules.map(({ appId }) => appId)).size === rules.length,
      'are one for each app',
    ),
});
export type MeshSettings = z.output<typeof meshSettings>;
