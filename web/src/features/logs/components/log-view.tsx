'use client';

import {
  ClockCircleOutlined,
  DownloadOutlined,
  PauseCircleOutlined,
  PlayCircleOutlined,
  SearchOutlined,
  TagOutlined,
} from '@ant-design/icons';
import { Button, Input, Select, Tooltip } from 'antd';
import { useDeferredValue, useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { useLog } from '../hooks/use-log.ts';
import type { LogSource } from '../hooks/use-log.ts';
import { noFilter } from '../log-buffer.ts';
import type { LevelFilter, LogFilter } from '../log-buffer.ts';
import { logText } from '../text.ts';
import { LogSearch } from './log-search.tsx';
import { LogWindow } from './log-window.tsx';
import styles from './log.module.css';

interface LogViewProps {
  readonly source: LogSource;
  /** So many of the newest lines at first. */
  readonly tail?: number;
  readonly height: string;
  readonly testId: string;
}

/** A log, live: follow and pause, filter, time stamps, older lines, download. */
export function LogView({ source, tail = 1_000, height, testId }: LogViewProps): ReactNode {
  const t = useText(logText);
  const log = useLog(source, tail);
  const { buffer, redraw } = log;
  const runtime = source.kind === 'APP';
  const [follow, setFollow] = useState(true);
  const [filter, setFilter] = useState<LogFilter>(noFilter);
  const [timestamps, setTimestamps] = useState(runtime);
  const [sources, setSources] = useState(runtime);
  const [searching, setSearching] = useState(false);
  const wanted = useDeferredValue(filter);
  const download = useAction(async () => {
    location.assign(await api().logs.downloadUrl(source));
  });

  useEffect(() => {
    buffer.filter(wanted);
    redraw();
  }, [buffer, wanted, redraw]);

  return (
    <div className={styles['box']} style={{ height }} data-testid={testId} data-lines={buffer.size}>
      <div className={styles['bar']}>
        <Button
          icon={follow ? <PauseCircleOutlined /> : <PlayCircleOutlined />}
          aria-pressed={follow}
          data-testid="log-follow"
          onClick={() => setFollow(!follow)}
        >
          {follow ? t('following') : t('follow')}
        </Button>
        <Input
          allowClear
          value={filter.text}
          placeholder={t('filter')}
          aria-label={t('filter')}
          style={{ flex: '1 1 150px', width: 'auto' }}
          data-testid="log-filter"
          onChange={({ target }) => setFilter({ ...filter, text: target.value })}
        />
        {runtime && (
          <Select
            value={filter.pod}
            aria-label={t('allPods')}
            style={{ flex: '0 1 170px', minWidth: 120 }}
            popupMatchSelectWidth={false}
            options={[
              { value: null, label: t('allPods') },
              ...buffer.pods.map((pod) => ({ value: pod, label: pod })),
            ]}
            onChange={(pod: string | null) => setFilter({ ...filter, pod })}
          />
        )}
        <Select<LevelFilter>
          value={filter.level}
          aria-label={t('allLevels')}
          style={{ flex: '0 1 150px', minWidth: 112 }}
          popupMatchSelectWidth={false}
          options={[
            { value: 'all', label: t('allLevels') },
            { value: 'warnings', label: t('warnings') },
            { value: 'errors', label: t('errors') },
          ]}
          onChange={(level) => setFilter({ ...filter, level })}
        />
        <Toggle
          label={t('timestamps')}
          icon={<ClockCircleOutlined />}
          on={timestamps}
          onChange={setTimestamps}
        />
        <Toggle label={t('sources')} icon={<TagOutlined />} on={sources} onChange={setSources} />
        <Tooltip title={t('search')}>
          <Button
            type="text"
            icon={<SearchOutlined />}
            aria-label={t('search')}
            data-testid="log-search"
            onClick={() => setSearching(true)}
          />
        </Tooltip>
        <Tooltip title={t('download')}>
          <Button
            type="text"
            icon={<DownloadOutlined />}
            aria-label={t('download')}
            loading={download.busy}
            onClick={() => void download.run()}
          />
        </Tooltip>
      </div>
      <ErrorNote error={log.error ?? download.error} title={t('failed')} />
      <div className={styles['frame']}>
        <LogWindow
          log={log}
          follow={follow}
          onFollow={setFollow}
          timestamps={timestamps}
          sources={sources}
          search={wanted.text}
        />
        {buffer.shown.length === 0 && !log.waiting && (
          <div className={styles['nothing']}>
            <strong>{buffer.size > 0 ? t('noMatch') : t('empty')}</strong>
            {buffer.size > 0 ? (
              <Button onClick={() => setFilter(noFilter)}>{t('clearFilter')}</Button>
            ) : (
              <span>{runtime ? t('emptyHelp') : t('emptyBuild')}</span>
            )}
          </div>
        )}
      </div>
      {searching && <LogSearch source={source} pods={buffer.pods} onClose={() => setSearching(false)} />}
      <div className={styles['foot']}>
        <span>{t('lines', { n: buffer.shown.length })}</span>
        {log.ended && <span>{t('ended')}</span>}
      </div>
    </div>
  );
}

interface ToggleProps {
  readonly label: string;
  readonly icon: ReactNode;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
}

function Toggle({ label, icon, on, onChange }: ToggleProps): ReactNode {
  return (
    <Tooltip title={label}>
      <Button
        icon={icon}
        type={on ? 'default' : 'text'}
        aria-pressed={on}
        aria-label={label}
        onClick={() => onChange(!on)}
      />
    </Tooltip>
  );
}
