'use client';

import type { MetricsFieldsFragment } from '@skyarc/sdk';
import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { bytes, duration } from '../../../components/format.ts';
import { palettes } from '../../../components/palette.ts';
import type { Palette } from '../../../components/palette.ts';
import { usePreferences } from '../../../components/preferences.tsx';
import { useText } from '../../../components/use-text.ts';
import { colorOf, isDeploy } from '../markers.ts';
import type { Marker } from '../markers.ts';
import { monitorText } from '../text.ts';
import styles from './chart.module.css';

export type Series = MetricsFieldsFragment['series'][number];
export type Unit = 'cores' | 'bytes' | 'bytesPerSec' | 'perSec' | 'share' | 'seconds' | 'count' | 'number';

export interface ChartProps {
  readonly label: string;
  readonly unit: Unit;
  readonly series: readonly Series[];
  readonly markers: readonly Marker[];
}

const height = 180;
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 });

/** Lines over time, across them a line for each deploy and, fainter, for each other operation. */
export function Chart({ label, unit, series, markers }: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const { theme, language } = usePreferences();
  const t = useText(monitorText);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const colors = palettes[theme];
    const data = [
      series[0]?.times ?? [],
      ...series.map(({ values }) => values),
    ] as unknown as UPlot.AlignedData;
    const time = t('time');
    const look = { element, unit, series, markers, colors, language, time };
    const plot = new UPlot(optionsOf(look), data, element);
    plot.setLegend({ idx: newest(data) });
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [series, markers, unit, theme, language, t]);
  return (
    <div
      ref={place}
      className={styles['chart']}
      role="img"
      aria-label={label}
      style={{ minHeight: height + 30 }}
    />
  );
}

interface Look {
  readonly element: HTMLElement;
  readonly unit: Unit;
  readonly series: readonly Series[];
  readonly markers: readonly Marker[];
  readonly colors: Palette;
  readonly language: string;
  /** Name of the moment in the legend. */
  readonly time: string;
}

function optionsOf({ element, unit, series, markers, colors, language, time }: Look): UPlot.Options {
  const strokes = [colors.petrol, colors.amber, colors.blue, colors.green, colors.red, colors.inkSoft];
  const axis = { stroke: colors.inkFaint, grid: { stroke: colors.line, width: 1 }, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height,
    cursor: { drag: { x: true, y: false } },
    legend: { live: true },
    scales: {
      y: { range: (_plot, low, high) => [low < 0 ? low * 1.1 : 0, high > 0 ? high * 1.1 : low < 0 ? 0 : 1] },
    },
    axes: [
      { ...axis, values: (_plot, times) => times.map((at) => tick(at, times)) },
      { ...axis, size: 64, values: (_plot, values) => values.map((value) => shown(value, unit)) },
    ],
    series: [
      { label: time, value: (_plot: UPlot, at: number | null) => (at === null ? '' : moment(at, language)) },
      ...series.map(({ name }, index) => ({
        label: name || '-',
        stroke: strokes[index % strokes.length] ?? colors.petrol,
        width: 1.5,
        points: { show: false },
        value: (_plot: UPlot, value: number | null) => (value === null ? '–' : shown(value, unit)),
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawMarkers(plot, markers, colors)],
      setLegend: [
        // Without a pointer the legend says what was measured last.
        (plot) => {
          if (plot.legend.idx == null) plot.setLegend({ idx: newest(plot.data) }, false);
        },
      ],
    },
  };
}

/** Place of the last time at which something was measured. */
function newest([, ...values]: UPlot.AlignedData): number {
  return Math.max(0, ...values.map((one) => [...one].findLastIndex((value) => value != null)));
}

function moment(at: number, language: string): string {
  return new Date(at * 1_000).toLocaleString(language === 'zh' ? 'zh-CN' : 'en-GB', {
    day: '2-digit',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  });
}

function drawMarkers(plot: UPlot, markers: readonly Marker[], colors: Palette): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = 1;
  for (const marker of markers) {
    const x = Math.round(plot.valToPos(Date.parse(marker.at) / 1_000, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colors[colorOf(marker)];
    ctx.setLineDash(isDeploy(marker) ? [] : [2, 4]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Days where the axis spans some, else the time of day. */
function tick(at: number, times: readonly number[]): string {
  const date = new Date(at * 1_000);
  const isLong = (times.at(-1) ?? 0) - (times[0] ?? 0) > 86_400;
  return isLong
    ? `${two(date.getMonth() + 1)}-${two(date.getDate())}`
    : `${two(date.getHours())}:${two(date.getMinutes())}`;
}

function shown(value: number, unit: Unit): string {
  if (unit === 'bytes') return bytes(value);
  if (unit === 'bytesPerSec') return `${bytes(value)}/s`;
  if (unit === 'share') return `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
  if (unit === 'seconds') return value < 1 ? `${Math.round(value * 1_000)} ms` : duration(value * 1_000);
  if (unit === 'number' && Math.abs(value) >= 10_000) return compact.format(value);
  return value >= 100 ? value.toFixed(0) : String(Number(value.toFixed(value < 1 ? 3 : 1)));
}
