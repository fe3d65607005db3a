'use client';

import { Button } from 'antd';
import type { SkyarcError } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { ErrorNote } from './note.tsx';
import { useUnsavedGuard } from './use-unsaved-guard.tsx';
import { useText } from './use-text.ts';
import { commonText } from './common-text.ts';
import styles from './panel.module.css';

export interface SaveBarProps {
  readonly dirty: boolean;
  readonly busy: boolean;
  readonly error: SkyarcError | undefined;
  readonly disabled?: boolean;
  readonly onSave: () => void;
  readonly onDiscard: () => void;
  readonly testId: string;
}

/** Appears once something was changed; guards the way out until it is saved or discarded. */
export function SaveBar({
  dirty,
  busy,
  error,
  disabled,
  onSave,
  onDiscard,
  testId,
}: SaveBarProps): ReactNode {
  const t = useText(commonText);
  useUnsavedGuard(dirty);
  if (!dirty && !error) return null;
  return (
    <div className={styles['bar']}>
      <Button type="primary" loading={busy} disabled={disabled} onClick={onSave} data-testid={testId}>
        {t('save')}
      </Button>
      <Button type="text" disabled={busy} onClick={onDiscard}>
        {t('discard')}
      </Button>
      <span className="faint small">{t('unsaved')}</span>
      <div className="grow">
        <ErrorNote error={error} title={t('notSaved')} />
      </div>
    </div>
  );
}
