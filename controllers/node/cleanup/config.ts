import { z } from 'zod';

const name = z.string().min(1);

/** A way to free space, by whoever owns what is removed. */
const meansSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('command'), name, command: z.array(z.string()).min(1) }),
  /** An action of a service's status server: POST without a body, 2xx when done. */
  z.strictObject({ by: z.literal('post'), name, url: z.url({ protocol: /^https?$/ }) }),
  /** Images of a containerd without kubelet that no container uses. */
  z.strictObject({
    by: z.literal('containerd'),
    name,
    socket: z.string().startsWith('/'),
    namespace: z.string().default('k8s.io'),
    /** An image unused for less stays. */
    minAgeMs: z.number().min(0).default(7_200_000),
    /** Images that stay, whoever uses them. */
    keep: z.array(z.string()).default([]),
  }),
]);
export type Means = z.output<typeof meansSchema>;

export const cleanupConfigSchema = z.strictObject({
  /** Cleaning begins above the one and ends below the other. */
  highPercent: z.number().min(1).max(100).default(85),
  lowPercent: z.number().min(0).max(100).default(75),
  everyMs: z.number().positive().default(300_000),
  /** In this order, until enough is free. */
  means: z.array(meansSchema).default([]),
});
export type CleanupConfig = z.output<typeof cleanupConfigSchema>;
