import type { ReactNode } from 'react';
import styles from './list.module.css';

export interface Column<Item> {
  readonly key: string;
  readonly title: ReactNode;
  readonly render: (item: Item) => ReactNode;
  readonly align?: 'left' | 'right';
  readonly width?: number | string;
}

export interface DataListProps<Item> {
  readonly label: string;
  readonly columns: readonly Column<Item>[];
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string;
}

/** A plain, dense table that scrolls sideways where the screen is narrow. */
export function DataList<Item>({ label, columns, items, keyOf }: DataListProps<Item>): ReactNode {
  return (
    <div className={styles['scroll']}>
      <table className={styles['table']} aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ key, title, align = 'left', width }) => (
              <th key={key} style={{ textAlign: align, width }} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)}>
              {columns.map(({ key, align = 'left', render }) => (
                <td key={key} style={{ textAlign: align }}>
                  {render(item)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
