'use client';

import { DownloadOutlined } from '@ant-design/icons';
import type { LogLine, LogPage } from '@skyarc/sdk';
import { Button, Checkbox, Input, Modal, Select, Space } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import type { LogSource } from '../hooks/use-log.ts';
import { logText } from '../text.ts';
import { LogLineView } from './log-lines.tsx';
import styles from './log.module.css';

interface LogSearchProps {
  readonly source: LogSource;
  readonly pods: readonly string[];
  readonly onClose: () => void;
}

interface Wanted {
  readonly text: string;
  readonly isPattern: boolean;
  readonly pod: string | null;
  /** As the browser's date field has it, in the person's own time zone; empty for no limit. */
  readonly from: string;
  readonly until: string;
}

const nothing: Wanted = { text: '', isPattern: false, pod: null, from: '', until: '' };

/** Searches all stored lines, newest first, also those that the page does not hold. */
export function LogSearch({ source, pods, onClose }: LogSearchProps): ReactNode {
  const t = useText(logText);
  const [wanted, setWanted] = useState(nothing);
  const [lines, setLines] = useState<readonly LogLine[]>();
  const [page, setPage] = useState<Pick<LogPage, 'hasOlder' | 'cursor' | 'isPartial'>>();
  const search = useAction(async (before?: string) => {
    const found = await api().logs.read(source, {
      last: 500,
      ...filterOf(wanted),
      ...(before && { before }),
    });
    setLines((known) => (before ? [...found.lines, ...(known ?? [])] : found.lines));
    setPage(found);
  });
  const download = useAction(async () => {
    location.assign(await api().logs.downloadUrl(source, filterOf(wanted)));
  });
  const change = (part: Partial<Wanted>): void => setWanted({ ...wanted, ...part });

  return (
    <Modal open width={1_000} title={t('search')} footer={null} onCancel={onClose}>
      <Space wrap style={{ marginBottom: 12 }}>
        <Input
          allowClear
          value={wanted.text}
          placeholder={t('searchText')}
          aria-label={t('searchText')}
          data-testid="log-search-text"
          onChange={({ target }) => change({ text: target.value })}
          onPressEnter={() => void search.run()}
        />
        <Checkbox checked={wanted.isPattern} onChange={({ target }) => change({ isPattern: target.checked })}>
          {t('searchPattern')}
        </Checkbox>
        {source.kind === 'APP' && (
          <Select
            value={wanted.pod}
            aria-label={t('allPods')}
            style={{ minWidth: 140 }}
            popupMatchSelectWidth={false}
            options={[
              { value: null, label: t('allPods') },
              ...pods.map((pod) => ({ value: pod, label: pod })),
            ]}
            onChange={(pod: string | null) => change({ pod })}
          />
        )}
        {(['from', 'until'] as const).map((end) => (
          <Input
            key={end}
            type="datetime-local"
            prefix={t(end === 'from' ? 'searchFrom' : 'searchUntil')}
            aria-label={t(end === 'from' ? 'searchFrom' : 'searchUntil')}
            value={wanted[end]}
            onChange={({ target }) => change({ [end]: target.value })}
          />
        ))}
        <Button
          type="primary"
          loading={search.busy}
          data-testid="log-search-go"
          onClick={() => void search.run()}
        >
          {t('searchGo')}
        </Button>
      </Space>
      <ErrorNote error={search.error ?? download.error} title={t('searchFailed')} />
      {lines && (
        <>
          <Space wrap style={{ marginBottom: 8 }}>
            <span data-testid="log-search-count">{t('found', { n: lines.length })}</span>
            {page?.isPartial && <span>{t('partial')}</span>}
            {page?.hasOlder && page.cursor && (
              <Button
                size="small"
                loading={search.busy}
                onClick={() => void search.run(page.cursor ?? undefined)}
              >
                {t('searchOlder')}
              </Button>
            )}
            <Button
              size="small"
              icon={<DownloadOutlined />}
              loading={download.busy}
              onClick={() => void download.run()}
            >
              {t('downloadFound')}
            </Button>
          </Space>
          <div className={styles['found']}>
            {lines.map((line) => (
              <LogLineView
                key={line.cursor}
                line={line}
                timestamps
                sources={source.kind === 'APP'}
                search={wanted.isPattern ? '' : wanted.text}
              />
            ))}
          </div>
        </>
      )}
    </Modal>
  );
}

function filterOf({ text, isPattern, pod, from, until }: Wanted) {
  return {
    ...(text && (isPattern ? { pattern: text } : { contains: text })),
    ...(pod && { pod }),
    ...(from && { from: new Date(from).toISOString() }),
    ...(until && { until: new Date(until).toISOString() }),
  };
}
