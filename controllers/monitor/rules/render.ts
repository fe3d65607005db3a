import { namespaceOf } from '@skyarc/lib/contracts';
import type { AlertRuleRecord } from '@skyarc/prisma/datacenter';
import { stringify } from 'yaml';
import { scopeTo } from '../query/promql.ts';
import { defaultGroups } from './defaults.ts';
import type { AlertingRule } from './rule.ts';

export interface RuleOptions {
  readonly keepFiringSec: number;
  /** Factor on the times of default rules. */
  readonly patience: number;
}

type OwnRule = Pick<
  AlertRuleRecord,
  'id' | 'teamName' | 'name' | 'expression' | 'forSec' | 'severity' | 'summary'
>;

/** Default and own rules as Prometheus reads them. Each own rule is a group, so that one that fails stops no other. */
export function renderRules(own: readonly OwnRule[], options: RuleOptions): string {
  const scaled = (seconds: number) => Math.round(seconds * options.patience);
  const defaults = defaultGroups.map(({ name, rules }) => ({
    name,
    rules: rules.map(({ forSec, keepFiringSec = 0, ...rule }) =>
      renderRule({ ...rule, forSec: scaled(forSec), keepFiringSec: scaled(keepFiringSec) }, options),
    ),
  }));
  return stringify(
    {
      groups: [
        ...defaults,
        ...own.map((rule) => ({ name: rule.id, rules: [renderRule(ownRule(rule), options)] })),
      ],
    },
    { lineWidth: 0 },
  );
}

/** Rules of a team see that team's series alone, and their alerts are the team's. */
export function ownRule({
  id,
  teamName,
  name,
  expression,
  forSec,
  severity,
  summary,
}: OwnRule): AlertingRule {
  return {
    alert: name,
    expr: teamName === null ? expression : scopeTo(namespaceOf(teamName), expression),
    forSec,
    severity: severity.toLowerCase() as AlertingRule['severity'],
    summary: summary || name,
    labels: { rule: id, ...(teamName === null ? {} : { team: teamName }) },
  };
}

function renderRule(rule: AlertingRule, options: RuleOptions) {
  const { alert, expr, forSec, severity, summary, labels, keepFiringSec = 0 } = rule;
  return {
    alert,
    expr,
    ...(forSec > 0 ? { for: `${forSec}s` } : {}),
    // A shard that is away for a moment must not end an alert that begins again right after.
    keep_firing_for: `${Math.max(keepFiringSec, options.keepFiringSec)}s`,
    labels: { severity, ...labels },
    annotations: { summary },
  };
}
