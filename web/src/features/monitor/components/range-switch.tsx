import { Segmented } from 'antd';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { ranges } from '../hooks/use-span.ts';
import type { Range } from '../hooks/use-span.ts';
import { monitorText } from '../text.ts';

export interface RangeSwitchProps {
  readonly value: Range;
  readonly onChange: (range: Range) => void;
}

/** How far back charts go. */
export function RangeSwitch({ value, onChange }: RangeSwitchProps): ReactNode {
  const t = useText(monitorText);
  return (
    <Segmented<Range>
      size="small"
      aria-label={t('range')}
      value={value}
      options={ranges.map((range) => ({ value: range, label: t(range) }))}
      onChange={onChange}
    />
  );
}
