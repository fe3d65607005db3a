import { AppError } from '@skyarc/lib/errors';
import { type AlertLanguage, summaryIn } from '@skyarc/sdk/alerts';
import { z } from 'zod';

const texts = z.record(z.string(), z.string());

/** What Alertmanager posts (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), version 4. */
const posted = z.object({
  version: z.literal('4'),
  groupKey: z.string(),
  status: z.enum(['firing', 'resolved']),
  groupLabels: texts,
  alerts: z.array(
    z.object({
      status: z.enum(['firing', 'resolved']),
      labels: texts,
      annotations: texts,
      startsAt: z.iso.datetime({ offset: true }),
      endsAt: z.iso.datetime({ offset: true }),
      fingerprint: z.string(),
    }),
  ),
});

/** Begins the fingerprint of an alert that is told around Alertmanager. */
export const silentPrefix = 'silent-';

export interface NotifiedAlert {
  readonly isFiring: boolean;
  readonly name: string;
  readonly severity: string;
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly fingerprint: string;
}

/** Alerts of one group, told together. */
export interface Notification {
  readonly groupKey: string;
  readonly alerts: readonly NotifiedAlert[];
}

/** As it is told to somebody, in their language. */
export interface ToldNotification extends Notification {
  readonly language: AlertLanguage;
}

/** The same in a language, where it is of Skyarc's own rules. */
export function tellIn(language: AlertLanguage, { groupKey, alerts }: Notification): ToldNotification {
  return {
    language,
    groupKey,
    alerts: alerts.map((alert) => ({ ...alert, summary: summaryIn(language, alert.name, alert.summary) })),
  };
}

/** Throws INVALID for what Alertmanager does not write. */
export function parseNotification(body: unknown): Notification {
  const parsed = posted.safeParse(body);
  if (!parsed.success)
    throw new AppError('INVALID', 'Cannot read the notification: it is not of Alertmanager');
  const { groupKey, alerts } = parsed.data;
  return {
    groupKey,
    alerts: alerts.map(({ status, labels, annotations, startsAt, endsAt, fingerprint }) => ({
      isFiring: status === 'firing',
      name: labels['alertname'] ?? '',
      severity: (labels['severity'] ?? 'warning').toUpperCase(),
      summary: annotations['summary'] || (labels['alertname'] ?? ''),
      labels,
      startedAt: new Date(startsAt),
      endedAt: status === 'resolved' ? new Date(endsAt) : null,
      fingerprint,
    })),
  };
}
