import {
  autoscaling,
  job,
  pathPrefix,
  placement,
  probes,
  rollout,
  workload as workloadName,
} from '@skyarc/lib/contracts';
import { Cron } from 'croner';
import { z } from 'zod';
import { container } from './build.ts';
import { between } from './text.ts';

export const replicaCount = z.int().min(1, 'At least 1 pod').max(50, 'At most 50 pods');

const argument = z
  .string()
  .max(4_096, 'An argument has at most 4096 characters')
  .refine((text) => !text.includes('\0'), 'An argument has no NUL character');

/** Arguments of a command; an empty list returns to the image's. */
export const command = z.array(argument).max(100, 'A command has at most 100 arguments');

/** A list of labels as the contract has them. */
const recordOf = (list: unknown) =>
  Array.isArray(list)
    ? Object.fromEntries((list as { key: string; value: string }[]).map(({ key, value }) => [key, value]))
    : list;

const jobInput = job.superRefine(({ schedule, timeZone }, context) => {
  const fail = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message, input: field });
  if (schedule && !isSchedule(schedule))
    fail('schedule', 'is not a schedule such as "*/5 * * * *" (crontab(5)) or "@daily"');
  if (timeZone && !isTimeZone(timeZone)) fail('timeZone', 'is not a time zone such as Europe/Berlin');
});

export const run = z.object({
  workload: workloadName.optional(),
  replicas: replicaCount.optional(),
  cpuMillis: between(10, 64_000, 'CPU of a pod').optional(),
  memoryMb: between(16, 262_144, 'Memory of a pod').optional(),
  /** 0 returns to the data centre's settings. */
  cpuRequestMillis: between(0, 64_000, 'Reserved CPU').optional(),
  memoryRequestMb: between(0, 262_144, 'Reserved memory').optional(),
  command: command.optional(),
  ...container,
  healthPath: z.union([z.literal(''), pathPrefix]).optional(),
  startTimeoutSeconds: between(5, 3_600, 'Time to start').optional(),
  probes: probes.optional(),
  placement: placement.extend({ labels: z.preprocess(recordOf, placement.shape.labels) }).optional(),
  rollout: rollout
    .refine(
      ({ maxSurge, maxUnavailable }) => Number.parseInt(maxSurge) + Number.parseInt(maxUnavailable) > 0,
      {
        path: ['maxSurge'],
        message: 'maxSurge and maxUnavailable cannot both be 0: no pod could ever be replaced',
      },
    )
    .optional(),
  job: jobInput.optional(),
  autoscaling: autoscaling.optional(),
});

const macros = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/;
const names = /\b(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)\b/gi;

/** Five fields as every cron reads them, or a name for them; no seconds, no signs of one cron alone. */
export function isSchedule(text: string): boolean {
  const plain = text.replaceAll(names, '1');
  if (!macros.test(text) && !/^[0-9*,/-]+( [0-9*,/-]+){4}$/.test(plain)) return false;
  try {
    return new Cron(text, { paused: true }).nextRun() !== null;
  } catch {
    return false;
  }
}

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
