'use client';

import type { BuildStoryFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { bytes } from '../../../components/format.ts';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import styles from './builds.module.css';
import { buildText } from './text.ts';

/** What the caches of the app took after a build, and may take. */
export function BuildCache({ build }: { readonly build: BuildStoryFieldsFragment }): ReactNode {
  const t = useText(buildText);
  if (build.cacheBytes === null || build.cacheLimitBytes === null) return null;
  const [used, limit] = [Number(build.cacheBytes), Number(build.cacheLimitBytes)];
  return (
    <Panel title={t('cache')} hint={t('cacheHelp')} testId="build-cache">
      <div className="row" style={{ gap: 14 }}>
        <div className={`${styles['bar']} grow`} role="img" aria-label={t('cache')}>
          <div className={styles['used']} style={{ width: `${Math.min(100, (100 * used) / limit)}%` }} />
        </div>
        <span className="soft">{t('cacheUse', { used: bytes(used), limit: bytes(limit) })}</span>
      </div>
    </Panel>
  );
}
