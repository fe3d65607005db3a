'use client';

import { CloseCircleFilled, InfoCircleOutlined, WarningFilled } from '@ant-design/icons';
import type { ImportPreview } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import styles from './imports.module.css';
import { importText } from './text.ts';

type Note = ImportPreview['notes'][number];

const icons: Readonly<Record<Note['level'], ReactNode>> = {
  ERROR: <CloseCircleFilled style={{ color: 'var(--red)' }} />,
  WARNING: <WarningFilled style={{ color: 'var(--amber)' }} />,
  INFO: <InfoCircleOutlined style={{ color: 'var(--ink-faint)' }} />,
};

/** Sentences about a text, each with its line; errors first. */
export function NoteList({
  notes,
  onLine,
}: {
  readonly notes: readonly Note[];
  readonly onLine: (line: number) => void;
}): ReactNode {
  const t = useText(importText);
  const rank = { ERROR: 0, WARNING: 1, INFO: 2 };
  const sorted = notes.toSorted((left, right) => rank[left.level] - rank[right.level]);
  if (sorted.length === 0) return <p className="soft">{t('noNotes')}</p>;
  return (
    <ul className={styles['notes']} data-testid="import-notes">
      {sorted.map(({ level, line, service, message }) => (
        <li key={`${level} ${line} ${service} ${message}`} data-level={level}>
          {icons[level]}
          {line ? (
            <button type="button" className={styles['line']} onClick={() => onLine(line)}>
              {t('line', { line })}
            </button>
          ) : (
            <span />
          )}
          <span>
            {service && <code>{service}</code>} {message}
          </span>
        </li>
      ))}
    </ul>
  );
}
