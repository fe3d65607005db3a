import { Progress } from 'antd';
import type { NodeFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { cores, memory } from '../../../components/format.ts';
import { useText } from '../../../components/use-text.ts';
import { nodeText } from '../text.ts';

/** What of a machine's room pods have reserved. */
export function NodeRoom({ node }: { readonly node: NodeFieldsFragment }): ReactNode {
  const t = useText(nodeText);
  const { cpuMillis, reservedCpuMillis, memoryMb, reservedMemoryMb } = node;
  return (
    <div style={{ minWidth: 150 }}>
      <Bar
        label={t('cpu', { used: cores(reservedCpuMillis), all: cores(cpuMillis) })}
        part={reservedCpuMillis}
        whole={cpuMillis}
      />
      <Bar
        label={t('memory', { used: memory(reservedMemoryMb), all: memory(memoryMb) })}
        part={reservedMemoryMb}
        whole={memoryMb}
      />
    </div>
  );
}

/** A named share. */
export function Bar({
  label,
  part,
  whole,
}: {
  readonly label: string;
  readonly part: number;
  readonly whole: number;
}): ReactNode {
  const percent = whole > 0 ? Math.min(100, Math.round((part / whole) * 100)) : 0;
  return (
    <div>
      <span className="small">{label}</span>
      <Progress
        percent={percent}
        showInfo={false}
        size="small"
        status={percent >= 90 ? 'exception' : 'normal'}
        aria-label={label}
      />
    </div>
  );
}
