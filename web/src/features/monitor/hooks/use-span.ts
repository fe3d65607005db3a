import { useEffect, useState } from 'react';

const hoursOf = { '1h': 1, '6h': 6, '1d': 24, '7d': 168 } as const;
const refreshMs = 15_000;

export type Range = keyof typeof hoursOf;
export const ranges: readonly Range[] = ['1h', '6h', '1d', '7d'];

/** The time that charts show: it ends now, and moves on while somebody looks. */
export function useSpan(): {
  readonly range: Range;
  readonly setRange: (range: Range) => void;
  /** RFC 3339. */
  readonly span: { readonly from: string; readonly to: string };
} {
  const [range, setRange] = useState<Range>('1h');
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, refreshMs);
    return () => clearInterval(timer);
  }, []);
  const from = new Date(now - hoursOf[range] * 3_600_000).toISOString();
  return { range, setRange, span: { from, to: new Date(now).toISOString() } };
}
