'use client';

import { AutoComplete, Button, Input } from 'antd';
import { QueryMetricsDocument } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Skeleton } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useSpan } from '../hooks/use-span.ts';
import { monitorText } from '../text.ts';
import { LazyChart } from './lazy-chart.tsx';
import { RangeSwitch } from './range-switch.tsx';

export interface ExplorePanelProps {
  /** Null: all series of the installation. */
  readonly teamId: string | null;
  readonly dataCenter?: string;
  /** Series whose names are offered, as matchers of PromQL. */
  readonly matchers: string;
  /** Asked at once; empty asks nothing. */
  readonly expression?: string;
  readonly onAsk?: (expression: string) => void;
}

type Place = Pick<ExplorePanelProps, 'teamId' | 'dataCenter'>;

/** A PromQL expression of one's own over a time, as a chart. */
export function ExplorePanel({
  teamId,
  dataCenter,
  matchers,
  expression = '',
  onAsk,
}: ExplorePanelProps): ReactNode {
  const t = useText(monitorText);
  const { range, setRange, span } = useSpan();
  const [text, setText] = useState(expression);
  const [asked, setAsked] = useState(expression);
  const place = { teamId, ...(dataCenter && { dataCenter }) };
  const names = useNames(place, span, matchers);
  const ask = (): void => {
    setAsked(text.trim());
    onAsk?.(text.trim());
  };
  return (
    <Panel
      title={t('explore')}
      hint={t('exploreHint')}
      testId="explore"
      actions={<RangeSwitch value={range} onChange={setRange} />}
    >
      <div className="stack">
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            ask();
          }}
        >
          <AutoComplete
            className="grow"
            value={text}
            options={names.map((name) => ({ value: askOf(name, matchers), label: name }))}
            showSearch={{ filterOption: (typed, option) => option?.label.includes(typed) ?? false }}
            onChange={setText}
          >
            <Input
              className="mono"
              placeholder="sum by (pod) (rate(requests_total[5m]))"
              aria-label={t('expression')}
              data-testid="explore-expression"
              spellCheck={false}
            />
          </AutoComplete>
          <Button type="primary" htmlType="submit" data-testid="explore-ask" disabled={!text.trim()}>
            {t('ask')}
          </Button>
        </form>
        {asked ? (
          <Answer key={asked} place={place} span={span} expression={asked} />
        ) : (
          <p className="faint small">{t('exploreHelp')}</p>
        )}
      </div>
    </Panel>
  );
}

interface AnswerProps {
  readonly place: Place;
  readonly span: { readonly from: string; readonly to: string };
  readonly expression: string;
}

function Answer({ place, span, expression }: AnswerProps): ReactNode {
  const t = useText(monitorText);
  const input = { ...place, ...span, expression };
  const { data, error } = useQuery(QueryMetricsDocument, { input }, { moving: true });
  if (error) return <ErrorNote error={error} title={t('notAnswered')} />;
  if (!data) return <Skeleton rows={5} />;
  const { series, warnings } = data.queryMetrics;
  return (
    <>
      {warnings.length > 0 && (
        <div data-testid="explore-partial">
          <Note kind="warning">{t('partial', { why: warnings.join(' · ') })}</Note>
        </div>
      )}
      {series.length === 0 ? (
        <p className="faint small" style={{ padding: '48px 0' }}>
          {t('noData')}
        </p>
      ) : (
        <div data-testid="explore-chart">
          <LazyChart
            label={expression}
            unit="number"
            series={series.map((one) => ({ ...one, name: one.name || expression }))}
            markers={[]}
          />
        </div>
      )}
    </>
  );
}

/** Names of what was measured lately. */
function useNames(place: Place, { to }: AnswerProps['span'], matchers: string): readonly string[] {
  const input = {
    ...place,
    expression: `group by (__name__) ({${matchers}})`,
    from: new Date(Date.parse(to) - 60_000).toISOString(),
    to,
    points: 2,
  };
  const { data } = useQuery(QueryMetricsDocument, { input }, { moving: true });
  return (data?.queryMetrics.series ?? []).map(({ name }) => name).toSorted();
}

/** What people want to see of a metric: how fast a counter rises, else its value. */
function askOf(name: string, matchers: string): string {
  const selector = `${name}{${matchers}}`;
  return /_(total|count|sum|bucket)$/.test(name) ? `rate(${selector}[5m])` : selector;
}
