import { Fragment } from 'react';
import type { ReactNode } from 'react';
import styles from './field-list.module.css';

/** Names and values under each other; empty values are left out. */
export function FieldList({
  fields,
}: {
  readonly fields: readonly (readonly [string, ReactNode])[];
}): ReactNode {
  return (
    <dl className={styles['list']}>
      {fields.map(([name, value]) =>
        value === null || value === undefined ? null : (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ),
      )}
    </dl>
  );
}
