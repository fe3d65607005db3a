'use client';

import type { ReactNode } from 'react';
import { LanguageSwitch, ThemeSwitch } from '../../../components/preference-switches.tsx';
import { usePageTitle } from '../../../components/use-page-title.ts';
import { useText } from '../../../components/use-text.ts';
import { sessionText } from '../text.ts';
import styles from './welcome.module.css';

/** The scene beside the forms of a stranger. */
export function Welcome({
  title,
  help,
  children,
}: {
  readonly title: string;
  readonly help: string;
  readonly children: ReactNode;
}): ReactNode {
  const t = useText(sessionText);
  usePageTitle(title);
  return (
    <div className={styles['welcome']}>
      <div className={styles['scene']}>
        <svg
          className={styles['arcs']}
          viewBox="0 0 800 560"
          preserveAspectRatio="xMidYMax slice"
          fill="none"
          aria-hidden
        >
          <g stroke="#bfe6e4">
            <path d="M-60 560a460 460 0 0 1 920 0" strokeOpacity=".26" strokeWidth="1.5" />
            <path d="M60 560a340 340 0 0 1 680 0" strokeOpacity=".18" strokeWidth="1.5" />
            <path d="M180 560a220 220 0 0 1 440 0" strokeOpacity=".12" strokeWidth="1.5" />
          </g>
          <circle cx="693" cy="208" r="34" fill="#f0ad4a" fillOpacity=".16" />
          <circle cx="693" cy="208" r="13" fill="#f5bd66" />
          <circle cx="192" cy="290" r="4" fill="#bfe6e4" fillOpacity=".7" />
        </svg>
        <span className={styles['word']}>Skyarc</span>
        <div>
          <p className={styles['tagline']}>{t('tagline')}</p>
          <ul className={styles['promises']}>
            <li>{t('promise1')}</li>
            <li>{t('promise2')}</li>
            <li>{t('promise3')}</li>
          </ul>
        </div>
      </div>
      <main className={styles['side']}>
        <div className={styles['top']}>
          <ThemeSwitch />
          <LanguageSwitch />
        </div>
        <div className={styles['form']}>
          <h1>{title}</h1>
          <p className="soft">{help}</p>
          {children}
        </div>
      </main>
    </div>
  );
}
