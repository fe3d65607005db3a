import Link from 'next/link';
import type { ReactNode } from 'react';
import styles from './tabs.module.css';

export interface TabLink {
  readonly key: string;
  readonly label: string;
  readonly href: string;
  readonly count?: number;
}

/** Parts of a page as links, so that each has an address. */
export function Tabs({
  tabs,
  current,
  label,
}: {
  readonly tabs: readonly TabLink[];
  readonly current: string;
  readonly label: string;
}): ReactNode {
  return (
    <nav className={styles['tabs']} aria-label={label}>
      {tabs.map(({ key, label: name, href, count }) => (
        <Link
          key={key}
          href={href}
          scroll={false}
          className={styles['tab']}
          aria-current={key === current ? 'page' : undefined}
          data-testid={`tab-${key}`}
        >
          {name}
          {count !== undefined && <span className={styles['count']}>{count}</span>}
        </Link>
      ))}
    </nav>
  );
}
