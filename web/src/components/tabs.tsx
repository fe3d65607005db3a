import Link from 'next/link';
import type { ReactNode } from 'react';
import styles from './tabs.module.css';

export interface TabLink {
  readonly key: string;
  readonly label: string;
  readonly href: string;
}

/** Tabs that belong together, shown in a second line while one of them is current. */
export interface TabGroup {
  readonly key: string;
  readonly label: string;
  readonly tabs: readonly TabLink[];
}

interface TabsProps {
  readonly tabs: readonly (TabLink | TabGroup)[];
  readonly current: string;
  readonly label: string;
}

/** Parts of a page as links, so that each has an address. A group leads to its first tab. */
export function Tabs({ tabs, current, label }: TabsProps): ReactNode {
  const group = tabs.find((one) => 'tabs' in one && one.tabs.some(({ key }) => key === current)) as
    TabGroup | undefined;
  const heads = tabs.map((one) => ('tabs' in one ? { ...one, href: one.tabs[0]?.href ?? '' } : one));
  return (
    <div className={styles['frame']}>
      <Line className={styles['tabs']} links={heads} current={group?.key ?? current} label={label} />
      {group && group.tabs.length > 1 && (
        <Line className={styles['group']} links={group.tabs} current={current} label={group.label} />
      )}
    </div>
  );
}

interface LineProps {
  readonly links: readonly TabLink[];
  readonly current: string;
  readonly label: string;
  readonly className: string | undefined;
}

function Line({ links, current, label, className }: LineProps): ReactNode {
  return (
    <nav className={className} aria-label={label}>
      {links.map(({ key, label: name, href }) => (
        <Link
          key={key}
          href={href}
          scroll={false}
          className={styles['tab']}
          aria-current={key === current ? 'page' : undefined}
          data-testid={`tab-${key}`}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}
