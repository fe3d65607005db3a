'use client';

import { Button } from 'antd';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { Panel } from '../../../components/panel.tsx';
import { Empty } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { appText } from '../text.ts';

/** A team without apps: the two ways to the first one. */
export function FirstApp(): ReactNode {
  const t = useText(appText);
  return (
    <Panel flush testId="first-app">
      <div style={{ padding: '28px 0 36px' }}>
        <Empty
          picture={
            <svg
              width="260"
              height="132"
              viewBox="0 -24 260 132"
              fill="none"
              aria-hidden
              style={{ marginBottom: 12 }}
            >
              <path
                d="M14 100a116 116 0 0 1 232 0"
                stroke="var(--line-strong)"
                strokeWidth="1.5"
                strokeDasharray="1 6"
                strokeLinecap="round"
              />
              <path
                d="M14 100A116 116 0 0 1 62 6"
                stroke="var(--petrol)"
                strokeWidth="2.5"
                strokeLinecap="round"
              />
              <path d="M64 100a66 66 0 0 1 132 0" stroke="var(--line)" strokeWidth="1.5" />
              <circle cx="62" cy="6" r="5.5" fill="#e79a2f" />
              <path d="M0 100h260" stroke="var(--line-strong)" strokeWidth="1.5" strokeLinecap="round" />
            </svg>
          }
          title={t('emptyTitle')}
          help={t('emptyHelp')}
          action={
            <span className="row wrap" style={{ justifyContent: 'center' }}>
              <Link href="/new" tabIndex={-1}>
                <Button type="primary" size="large" data-testid="first-app-git">
                  {t('fromGit')}
                </Button>
              </Link>
              <Link href="/new?from=template" tabIndex={-1}>
                <Button size="large" data-testid="first-app-template">
                  {t('fromTemplate')}
                </Button>
              </Link>
            </span>
          }
        />
      </div>
    </Panel>
  );
}
