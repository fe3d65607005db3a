import type { KindTable } from '@skyarc/lib/kube';
import { expect, test } from 'vitest';
import { reasonOf } from './reason.ts';

type Rule = KindTable['horizontalpodautoscalers'];
const metric = { name: 'skyarc_requests_per_second' };
const rule = (cpu: number, rate: string): Rule => ({
  spec: {
    scaleTargetRef: { kind: 'Deployment', name: 'shop' },
    maxReplicas: 5,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
      },
      { type: 'External', external: { metric, target: { type: 'AverageValue', averageValue: '20' } } },
    ],
  },
  status: {
    desiredReplicas: 2,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: cpu } } },
      { type: 'External', external: { metric, current: { averageValue: rate } } },
    ],
  },
});

test.each([
  [rule(95, '10'), 'CPU is at 95 % of what is reserved, the rule wants 50 %'],
  [rule(10, '30500m'), '30.5 requests per second and pod, the rule wants 20'],
  [{ ...rule(1, '1'), status: { desiredReplicas: 2 } }, 'By the bounds of the rule'],
])('the metric that is farthest from its target says why', (subject, reason) => {
  expect(reasonOf(subject)).toBe(reason);
});
