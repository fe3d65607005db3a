'use client';

import Link from 'next/link';
import { Fragment } from 'react';
import type { ReactNode } from 'react';
import { commonText } from './common-text.ts';
import styles from './page.module.css';
import { usePageTitle } from './use-page-title.ts';
import { useText } from './use-text.ts';

export interface PageProps {
  readonly title: ReactNode;
  /** What the browser calls the page, where the title is more than words. */
  readonly name?: string;
  readonly crumbs?: readonly { readonly href: string; readonly label: string }[];
  readonly subtitle?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** Heading, ways back and actions over the content of a page. */
export function Page({ title, name, crumbs = [], subtitle, actions, children }: PageProps): ReactNode {
  const t = useText(commonText);
  usePageTitle(name ?? (typeof title === 'string' ? title : undefined));
  return (
    <div className={styles['page']}>
      <header className={styles['head']}>
        <div className={styles['titles']}>
          {crumbs.length > 0 && (
            <nav className={styles['crumbs']} aria-label={t('crumbs')}>
              {crumbs.map(({ href, label }, index) => (
                <Fragment key={href}>
                  {index > 0 && <span aria-hidden>/</span>}
                  <Link href={href}>{label}</Link>
                </Fragment>
              ))}
            </nav>
          )}
          <div className={styles['title']}>{typeof title === 'string' ? <h1>{title}</h1> : title}</div>
          {subtitle && <div className="soft">{subtitle}</div>}
        </div>
        {actions && <div className={styles['actions']}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}
