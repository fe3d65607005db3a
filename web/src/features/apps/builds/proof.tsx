'use client';

import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import styles from './builds.module.css';
import { buildText } from './text.ts';

/** The lines of the log that prove why a build failed. */
export function Proof({ lines }: { readonly lines: readonly string[] }): ReactNode {
  const t = useText(buildText);
  if (lines.length === 0) return null;
  return (
    <figure style={{ margin: '8px 0 0' }} data-testid="build-proof">
      <figcaption className="small soft">{t('proof')}</figcaption>
      <pre className={styles['proof']}>{lines.join('\n')}</pre>
    </figure>
  );
}
