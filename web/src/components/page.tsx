import Link from 'next/link';
import { Fragment } from 'react';
import type { ReactNode } from 'react';
import styles from './page.module.css';

export interface PageProps {
  readonly title: ReactNode;
  readonly crumbs?: readonly { readonly href: string; readonly label: string }[];
  readonly subtitle?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** Heading, ways back and actions over the content of a page. */
export function Page({ title, crumbs = [], subtitle, actions, children }: PageProps): ReactNode {
  return (
    <div className={styles['page']}>
      <header className={styles['head']}>
        <div className={styles['titles']}>
          {crumbs.length > 0 && (
            <nav className={styles['crumbs']} aria-label="Breadcrumb">
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
