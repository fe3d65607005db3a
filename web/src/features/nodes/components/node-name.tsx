import { Tag } from 'antd';
import type { NodeFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { StatusGlyph } from '../../operations/index.ts';
import { nodeText } from '../text.ts';

const glyphs = {
  ONLINE: 'SUCCEEDED',
  UNHEALTHY: 'CANCELED',
  OFFLINE: 'FAILED',
  UNWATCHED: 'CANCELED',
} as const;

/** A machine by name, with its state in words and what it is for. */
export function NodeName({ node }: { readonly node: NodeFieldsFragment }): ReactNode {
  const t = useText(nodeText);
  const { name, state, reason, roles, isMaster, cordoned } = node;
  return (
    <div>
      <span className="row">
        <StatusGlyph status={glyphs[state]} label={t(state)} />
        <strong style={{ fontWeight: 560 }}>{name}</strong>
        <span className="faint small">{t(state)}</span>
        {cordoned && <Tag color="orange">{t('cordoned')}</Tag>}
        {isMaster && <Tag color="blue">{t('master')}</Tag>}
      </span>
      <div className="faint small">{roles.map((role) => t(role)).join(' · ')}</div>
      {reason && <div className="small">{reason}</div>}
    </div>
  );
}
