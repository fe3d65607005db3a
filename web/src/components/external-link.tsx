'use client';

import { ExportOutlined } from '@ant-design/icons';
import type { ReactNode } from 'react';
import { commonText } from './common-text.ts';
import { useText } from './use-text.ts';

export interface ExternalLinkProps {
  readonly href: string;
  readonly children?: ReactNode;
  readonly testId?: string;
}

/** A link out of the console, in a new tab. */
export function ExternalLink({ href, children, testId }: ExternalLinkProps): ReactNode {
  const t = useText(commonText);
  return (
    <a href={href} target="_blank" rel="noreferrer" className="row" style={{ gap: 6 }} data-testid={testId}>
      <span className="truncate">{children ?? href.replace(/^https?:\/\//, '').replace(/\/$/, '')}</span>
      <ExportOutlined style={{ fontSize: 11, flex: 'none' }} aria-label={t('openInNew')} />
    </a>
  );
}
