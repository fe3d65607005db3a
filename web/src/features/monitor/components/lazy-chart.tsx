'use client';

import dynamic from 'next/dynamic';

/** A chart; a canvas has nothing to show before there is a window, and its place is kept until then. */
export const LazyChart = dynamic(() => import('./chart.tsx').then((made) => made.Chart), {
  ssr: false,
  loading: () => <div style={{ minHeight: 210 }} />,
});
