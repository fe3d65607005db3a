'use client';

import { Segmented } from 'antd';
import { MetricsDocument } from '@skyarc/sdk';
import type { MetricChart, MetricsInput } from '@skyarc/sdk';
import dynamic from 'next/dynamic';
import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';
import type { Unit } from './chart.tsx';

// A canvas has nothing to show before there is a window.
const Chart = dynamic(() => import('./chart.tsx').then((made) => made.Chart), {
  ssr: false,
  // Keeps the place.
  loading: () => <div style={{ minHeight: 210 }} />,
});

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
const hoursOf = { '1h': 1, '6h': 6, '1d': 24, '7d': 168 } as const;
type Range = keyof typeof hoursOf;
const refreshMs = 15_000;

export interface MetricsPanelProps {
  readonly subject: MetricsInput['subject'];
  readonly id?: string;
  readonly dataCenter?: string;
}

/** All charts of an app, group, node, service or data centre. */
export function MetricsPanel({ subject, id, dataCenter }: MetricsPanelProps): ReactNode {
  const t = useText(monitorText);
  const [range, setRange] = useState<Range>('1h');
  const now = useNow(refreshMs);
  const input = {
    subject,
    id: id ?? null,
    dataCenter: dataCenter ?? null,
    charts: [...chartsOf[subject]],
    from: new Date(now - hoursOf[range] * 3_600_000).toISOString(),
    to: new Date(now).toISOString(),
  };
  const state = useQuery(MetricsDocument, { input });
  return (
    <Panel
      title={t('metrics')}
      testId="metrics"
      actions={
        <Segmented<Range>
          size="small"
          aria-label={t('range')}
          value={range}
          options={(['1h', '6h', '1d', '7d'] as const).map((value) => ({ value, label: t(value) }))}
          onChange={setRange}
        />
      }
    >
      <Loaded state={state} rows={8}>
        {({ metrics }) => (
          <div className="stack">
            {metrics.warnings[0] && <Note kind="warning">{t('partial', { why: metrics.warnings[0] })}</Note>}
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
                      <Chart label={t(chart)} unit={units[chart]} series={series} markers={metrics.markers} />
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

function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
