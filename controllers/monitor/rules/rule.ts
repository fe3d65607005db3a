/** How much an alert matters, the least first. */
export type Severity = 'info' | 'warning' | 'critical';

/** An alerting rule before it is written for Prometheus. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  /** Seconds that it must hold before the alert fires. */
  readonly forSec: number;
  readonly severity: Severity;
  /** Text of Prometheus' templates: `{{ $labels.app }}`. */
  readonly summary: string;
  /** Further labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Seconds that it goes on firing after its reason has gone, where that is more than of all rules. */
  readonly keepFiringSec?: number;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly AlertingRule[];
}
