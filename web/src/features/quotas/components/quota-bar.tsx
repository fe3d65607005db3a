import { Progress } from 'antd';
import type { QuotaFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { cores, memory } from '../../../components/format.ts';
import { useText } from '../../../components/use-text.ts';
import { quotaText } from '../text.ts';

export const resources = ['cpuMillis', 'memoryMb', 'storageMb', 'apps'] as const;
export type Resource = (typeof resources)[number];

/** How much of a limit is taken; a full bar is red. */
export function QuotaBar({
  quota,
  resource,
}: {
  readonly quota: QuotaFieldsFragment;
  readonly resource: Resource;
}): ReactNode {
  const t = useText(quotaText);
  const { limit, used } = quota[resource];
  const shown = (value: number): string => {
    if (resource === 'cpuMillis') return t('cores', { n: Number(cores(value)) });
    return resource === 'apps' ? String(value) : memory(value);
  };
  if (limit === null) return <span className="soft">{t('unlimited', { used: shown(used) })}</span>;
  const percent = limit === 0 ? 100 : Math.min(100, Math.round((used / limit) * 100));
  return (
    <div style={{ minWidth: 120 }} data-testid={`quota-${resource}`}>
      <span>{t('of', { used: shown(used), limit: shown(limit) })}</span>
      <Progress
        percent={percent}
        showInfo={false}
        size="small"
        status={percent >= 100 ? 'exception' : 'normal'}
        aria-label={t(resource)}
      />
    </div>
  );
}
