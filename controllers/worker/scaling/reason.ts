import type { KindTable } from '@skyarc/lib/kube';

type Status = NonNullable<KindTable['horizontalpodautoscalers']['status']>;
type Metric = NonNullable<Status['currentMetrics']>[number];

/** Why a rule changed the number of pods, by the metric that is farthest above its target. */
export function reasonOf(rule: KindTable['horizontalpodautoscalers']): string {
  const found = (rule.spec?.metrics ?? []).flatMap((wanted) => {
    const current = rule.status?.currentMetrics?.find((each) => isSame(each, wanted as Metric));
    if (wanted.type === 'Resource' && current?.resource) {
      const target = wanted.resource?.target.averageUtilization ?? 1;
      const now = current.resource.current.averageUtilization ?? 0;
      const name = wanted.resource?.name === 'cpu' ? 'CPU' : 'Memory';
      return [
        {
          ratio: now / target,
          text: `${name} is at ${now} % of what is reserved, the rule wants ${target} %`,
        },
      ];
    }
    if (wanted.type === 'External' && current?.external) {
      const target = numberOf(wanted.external?.target.averageValue);
      const now = numberOf(current.external.current.averageValue);
      const shown = Math.round(now * 10) / 10;
      return [
        { ratio: now / target, text: `${shown} requests per second and pod, the rule wants ${target}` },
      ];
    }
    return [];
  });
  return found.toSorted((a, b) => b.ratio - a.ratio)[0]?.text ?? 'By the bounds of the rule';
}

function isSame(current: Metric, wanted: Metric): boolean {
  return current.type === wanted.type && current.resource?.name === wanted.resource?.name;
}

/** A quantity without a unit, or in thousandths (`1500m`). */
function numberOf(quantity: string | undefined): number {
  const value = Number.parseFloat(quantity ?? '0');
  return quantity?.endsWith('m') ? value / 1_000 : value;
}
