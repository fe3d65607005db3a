import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { z } from 'zod';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import type { Alert, AlertLabel, AlertSeverity, Silence, SilenceInput } from '../generated/resolvers.ts';
import { ownerOf } from './rules.ts';

const texts = z.record(z.string(), z.string());
/** As Alertmanager's API, version 2, has them. */
const postedAlerts = z.array(
  z.object({
    fingerprint: z.string(),
    startsAt: z.string(),
    labels: texts,
    annotations: texts,
    status: z.object({
      state: z.enum(['unprocessed', 'active', 'suppressed']),
      silencedBy: z.array(z.string()),
      inhibitedBy: z.array(z.string()),
    }),
  }),
);
const postedSilences = z.array(
  z.object({
    id: z.string(),
    comment: z.string(),
    createdBy: z.string(),
    startsAt: z.string(),
    endsAt: z.string(),
    status: z.object({ state: z.enum(['expired', 'active', 'pending']) }),
    matchers: z.array(
      z.object({
        name: z.string(),
        value: z.string(),
        isRegex: z.boolean(),
        isEqual: z.boolean().default(true),
      }),
    ),
  }),
);
const silenceInput = z.object({
  matchers: z
    .array(
      z.object({
        name: z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'is no name of a label'),
        value: z.string().min(1, 'is empty').max(500),
      }),
    )
    .max(20, 'are at most 20'),
  minutes: z.int().min(1, 'is at least a minute').max(43_200, 'are at most 30 days'),
  comment: z.string().trim().min(1, 'A silence has a reason').max(500),
});

const rank: Readonly<Record<AlertSeverity, number>> = { CRITICAL: 0, WARNING: 1, INFO: 2 };

/** What fires now, the most severe first. */
export async function listAlerts(api: Api, { teams }: CallContext): Promise<Alert[]> {
  const all = await api.monitor.call('GET', '/alerts', postedAlerts);
  return all
    .filter(({ labels }) => labels['alertname'] !== 'Watchdog')
    .filter(({ labels }) => teams === 'all' || teams.includes(labels['team'] ?? ''))
    .map(({ fingerprint, labels, annotations, status, startsAt }): Alert => ({
      id: fingerprint,
      name: labels['alertname'] ?? '',
      severity: (labels['severity'] ?? 'warning').toUpperCase() as AlertSeverity,
      state:
        status.silencedBy.length > 0 ? 'SILENCED' : status.inhibitedBy.length > 0 ? 'INHIBITED' : 'FIRING',
      summary: annotations['summary'] ?? '',
      teamName: labels['team'] || null,
      appId: labels['app'] || null,
      labels: listed(labels),
      startedAt: new Date(startsAt),
    }))
    .toSorted(
      (left, right) =>
        rank[left.severity] - rank[right.severity] || Number(right.startedAt) - Number(left.startedAt),
    );
}

/** Active and waiting ones: of the team, or for an administrator all. */
export async function listSilences(api: Api, context: CallContext): Promise<Silence[]> {
  const team = ownerOf(context);
  const all = await api.monitor.call('GET', '/silences', postedSilences);
  return all
    .filter(({ status }) => status.state !== 'expired')
    .filter(({ matchers }) => team === null || teamOf(matchers) === team)
    .map(({ id, matchers, comment, createdBy, startsAt, endsAt }) => ({
      id,
      teamName: teamOf(matchers),
      matchers: matchers.filter(({ name }) => name !== 'team').map(({ name, value }) => ({ name, value })),
      comment,
      createdBy,
      startsAt: new Date(startsAt),
      endsAt: new Date(endsAt),
    }));
}

/** A team silences its own alerts alone. */
export async function createSilence(api: Api, raw: SilenceInput, context: CallContext): Promise<Silence> {
  const what = 'Cannot silence';
  const team = ownerOf(context);
  const { matchers: given, minutes, comment } = check(what, silenceInput, raw);
  if (team === null && given.length === 0) throw new AppError('INVALID', `${what}: say which alerts`);
  const matchers = [
    ...given.filter(({ name }) => team === null || name !== 'team'),
    ...(team === null ? [] : [{ name: 'team', value: team }]),
  ];
  const startsAt = new Date();
  const endsAt = new Date(startsAt.getTime() + minutes * 60_000);
  const { silenceID: id } = await api.monitor.call('POST', '/silences', z.object({ silenceID: z.string() }), {
    matchers: matchers.map((one) => ({ ...one, isRegex: false, isEqual: true })),
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    createdBy: context.actor,
    comment,
  });
  return { id, teamName: team, matchers: given, comment, createdBy: context.actor, startsAt, endsAt };
}

/** Throws NOT_FOUND also for one of others. */
export async function endSilence(api: Api, id: string, context: CallContext): Promise<boolean> {
  const own = await listSilences(api, context);
  if (!own.some((one) => one.id === id)) throw new AppError('NOT_FOUND', 'There is no such silence');
  await api.monitor.call('DELETE', `/silences/${encodeURIComponent(id)}`, z.unknown());
  return true;
}

function teamOf(
  matchers: readonly {
    readonly name: string;
    readonly value: string;
    readonly isRegex: boolean;
    readonly isEqual: boolean;
  }[],
): string | null {
  return matchers.find((one) => one.name === 'team' && !one.isRegex && one.isEqual)?.value ?? null;
}

function listed(labels: Readonly<Record<string, string>>): AlertLabel[] {
  return Object.entries(labels).map(([name, value]) => ({ name, value }));
}
