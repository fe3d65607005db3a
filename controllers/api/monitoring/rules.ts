import { alertSeverities, newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { AlertRuleRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { AlertRule, AlertRuleInput, AlertSeverity } from '../generated/resolvers.ts';

const maxRules = 100;

const input = z.object({
  id: z.string().nullish(),
  name: z.string().trim().min(1, 'A rule has a name').max(80, 'A name has at most 80 characters'),
  expression: z
    .string()
    .trim()
    .min(1, 'A rule has an expression')
    .max(4_000, 'It has at most 4000 characters'),
  forSec: z.int().min(0).max(86_400, 'is at most a day').default(60),
  severity: z.enum(alertSeverities).default('WARNING'),
  summary: z.string().max(500, 'A summary has at most 500 characters').default(''),
  enabled: z.boolean().default(true),
});

/** Team of which rules and receivers are meant; null is the platform, for an administrator's call. */
export function ownerOf(context: CallContext): string | null {
  return context.teams === 'all' ? null : theTeam(context);
}

const groups = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        name: z.string(),
        rules: z.array(
          z.object({
            name: z.string(),
            query: z.string(),
            duration: z.number().default(0),
            labels: z.record(z.string(), z.string()).default({}),
            annotations: z.record(z.string(), z.string()).default({}),
            lastError: z.string().default(''),
          }),
        ),
      }),
    ),
  }),
});

/** Own rules by name, then those that come with Skyarc. */
export async function listRules(api: Api, context: CallContext): Promise<AlertRule[]> {
  const own = await api.repository.db.alertRule.findMany({
    where: { teamName: ownerOf(context) },
    orderBy: { name: 'asc' },
  });
  const { data } = await api.monitor.call('GET', '/api/v1/rules', groups);
  const problems = new Map(
    data.groups.flatMap(({ name, rules }) => rules.map(({ lastError }) => [name, lastError] as const)),
  );
  const ids = new Set(own.map(({ id }) => id));
  const defaults = data.groups.flatMap(({ rules }) => rules.filter(({ labels }) => !labels['rule']));
  return [
    ...own.map((rule) => presentRule(rule, problems.get(rule.id) || null)),
    ...defaults
      .filter(({ name }) => !ids.has(name))
      .map((rule) => ({
        id: rule.name,
        isDefault: true,
        teamName: null,
        name: rule.name,
        expression: rule.query,
        forSec: Math.round(rule.duration),
        severity: (rule.labels['severity'] ?? 'warning').toUpperCase() as AlertSeverity,
        summary: rule.annotations['summary'] ?? '',
        enabled: true,
        problem: rule.lastError || null,
      })),
  ];
}

/** Throws INVALID with what Prometheus says of it, EXHAUSTED, NOT_FOUND. */
export async function saveRule(api: Api, raw: AlertRuleInput, context: CallContext): Promise<AlertRule> {
  const teamName = ownerOf(context);
  const { id: given, ...values } = check('Cannot save the rule', input, raw);
  const { db } = api.repository;
  if (given) await getRule(api, given, context);
  else if ((await db.alertRule.count({ where: { teamName } })) >= maxRules) {
    throw new AppError('EXHAUSTED', `Cannot save the rule: there are ${maxRules} already`);
  }
  const id = given ?? newId(api.config.dataCenter, 'alertrule');
  const { enabled: _, ...checked } = values;
  await api.monitor.call('POST', '/rules/check', z.unknown(), { ...checked, id, teamName });
  const saved = await db.alertRule.upsert({
    where: { id },
    create: { id, teamName, ...values },
    update: values,
  });
  await api.monitor.changed();
  return presentRule(saved, null);
}

export async function deleteRule(api: Api, id: string, context: CallContext): Promise<boolean> {
  await getRule(api, id, context);
  await api.repository.db.alertRule.delete({ where: { id } });
  await api.monitor.changed();
  return true;
}

async function getRule(api: Api, id: string, context: CallContext): Promise<AlertRuleRecord> {
  const found = await api.repository.db.alertRule.findFirst({ where: { id, teamName: ownerOf(context) } });
  if (!found) throw new AppError('NOT_FOUND', 'There is no such rule');
  return found;
}

function presentRule(rule: AlertRuleRecord, problem: string | null): AlertRule {
  const { severity, ...rest } = rule;
  return { ...rest, severity: severity as AlertSeverity, isDefault: false, problem };
}
