import type { ReactNode } from 'react';
import styles from './panel.module.css';

export interface PanelProps {
  readonly title?: ReactNode;
  /** Beside the title, quietly. */
  readonly hint?: ReactNode;
  readonly actions?: ReactNode;
  /** Let the content reach the edges: for lists. */
  readonly flush?: boolean;
  readonly danger?: boolean;
  readonly children: ReactNode;
  readonly testId?: string;
}

/** A titled piece of a page. */
export function Panel({ title, hint, actions, flush, danger, children, testId }: PanelProps): ReactNode {
  return (
    <section className={`${styles['panel']} ${danger ? styles['danger'] : ''}`} data-testid={testId}>
      {(title || actions) && (
        <header className={styles['head']}>
          <div className={styles['title']}>
            <h2>{title}</h2>
            {hint && <span className="faint small">{hint}</span>}
          </div>
          {actions}
        </header>
      )}
      <div className={flush ? styles['flush'] : styles['body']}>{children}</div>
    </section>
  );
}
