import { Tag } from 'antd';
import type { AlertSeverity } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';

const colors = { CRITICAL: 'error', WARNING: 'warning', INFO: 'default' } as const;

/** How much an alert matters. */
export function Severity({ of, over }: { readonly of: AlertSeverity; readonly over?: boolean }): ReactNode {
  const t = useText(monitorText);
  return <Tag color={over ? 'success' : colors[of]}>{over ? t('RESOLVED') : t(of)}</Tag>;
}
