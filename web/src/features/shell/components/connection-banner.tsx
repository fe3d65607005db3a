'use client';

import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { useConnectionState } from '../../../components/api.ts';
import { commonText } from '../../../components/common-text.ts';
import { useText } from '../../../components/use-text.ts';
import styles from './shell.module.css';

// A blink of the line is nobody's business.
const patienceMs = 1_200;

/** Says that the page may be out of date while the live connection is being made again. */
export function ConnectionBanner(): ReactNode {
  const t = useText(commonText);
  const lost = useConnectionState() === 'lost';
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), patienceMs);
    return () => clearTimeout(timer);
  }, [lost]);
  if (!shown) return null;
  return (
    <div className={styles['lost']} role="status" data-testid="connection-lost">
      {t('lost')}
    </div>
  );
}
