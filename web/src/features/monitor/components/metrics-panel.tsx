'use client';

import { MetricsDocument } from '@skyarc/sdk';
import type { MetricChart, MetricsInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useSpan } from '../hooks/use-span.ts';
import { monitorText } from '../text.ts';
import type { Unit } from './chart.tsx';
import { LazyChart } from './lazy-chart.tsx';
import { MarkerList } from './marker-list.tsx';
import { RangeSwitch } from './range-switch.tsx';

const units: Readonly<Record<MetricChart, Unit>> = {
  CPU: 'cores',
  MEMORY: 'bytes',
  NETWORK: 'bytesPerSec',
  REQUESTS: 'perSec',
  ERRORS: 'share',
  LATENCY: 'seconds',
  PODS: 'count',
  DISK: 'share',
  LOAD: 'share',
};
const chartsOf: Readonly<Record<MetricsInput['subject'], readonly MetricChart[]>> = {
  APP: ['CPU', 'MEMORY', 'REQUESTS', 'LATENCY', 'ERRORS', 'NETWORK', 'PODS'],
  GROUP: ['CPU', 'MEMORY', 'REQUESTS', 'LATENCY', 'ERRORS', 'PODS'],
  NODE: ['LOAD', 'MEMORY', 'DISK', 'NETWORK'],
  DATA_CENTER: ['LOAD', 'MEMORY', 'DISK', 'NETWORK', 'PODS'],
  SERVICE: ['CPU', 'MEMORY'],
};

export interface MetricsPanelProps {
  readonly subject: MetricsInput['subject'];
  readonly id?: string;
  readonly dataCenter?: string;
}

/** All charts of an app, group, node, service or data centre. */
export function MetricsPanel({ subject, id, dataCenter }: MetricsPanelProps): ReactNode {
  const t = useText(monitorText);
  const { range, setRange, span } = useSpan();
  const input = {
    subject,
    id: id ?? null,
    dataCenter: dataCenter ?? null,
    charts: [...chartsOf[subject]],
    ...span,
  };
  const state = useQuery(MetricsDocument, { input }, { moving: true });
  return (
    <Panel title={t('metrics')} testId="metrics" actions={<RangeSwitch value={range} onChange={setRange} />}>
      <Loaded state={state} rows={8}>
        {({ metrics }) => (
          <div className="stack">
            {metrics.warnings.length > 0 && (
              <Note kind="warning">{t('partial', { why: metrics.warnings.join(' · ') })}</Note>
            )}
            <MarkerList markers={metrics.markers} />
            <div
              style={{
                display: 'grid',
                gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 380px), 1fr))',
                gap: 24,
              }}
            >
              {chartsOf[subject].map((chart) => {
                const series = metrics.series.filter((one) => one.chart === chart);
                return (
                  <figure key={chart} style={{ margin: 0, minWidth: 0 }} data-testid={`chart-${chart}`}>
                    <figcaption className="soft small">{t(chart)}</figcaption>
                    {series.length === 0 ? (
                      <p className="faint small" style={{ padding: '48px 0' }}>
                        {t('noData')}
                      </p>
                    ) : (
                      <LazyChart
                        label={t(chart)}
                        unit={units[chart]}
                        series={series}
                        markers={metrics.markers}
                      />
                    )}
                  </figure>
                );
              })}
            </div>
          </div>
        )}
      </Loaded>
    </Panel>
  );
}
