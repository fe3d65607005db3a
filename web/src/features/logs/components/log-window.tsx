'use client';

import { useLayoutEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import type { FollowedLog } from '../hooks/use-log.ts';
import { logText } from '../text.ts';
import { LogLineView } from './log-lines.tsx';
import styles from './log.module.css';

const lineHeight = 20;
const headHeight = 28;
const overscan = 20;
const atEndSlack = 24;

interface LogWindowProps {
  readonly log: FollowedLog;
  readonly follow: boolean;
  readonly onFollow: (follow: boolean) => void;
  readonly timestamps: boolean;
  readonly sources: boolean;
  readonly search: string;
}

/** Draws only the lines that are in sight, of however many there are; stays at the end while following. */
export function LogWindow({ log, follow, onFollow, timestamps, sources, search }: LogWindowProps): ReactNode {
  const t = useText(logText);
  const { buffer, revision, loadingOlder } = log;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [seen, setSeen] = useState(0);
  const rows = buffer.shown;
  const first = Math.max(0, Math.floor((view.top - headHeight) / lineHeight) - overscan);
  const visible = rows.slice(first, first + Math.ceil(view.height / lineHeight) + 2 * overscan);
  const missed = follow ? 0 : Math.max(0, rows.length - seen);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && follow) element.scrollTop = element.scrollHeight;
  }, [follow, revision, rows.length]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setView({ top: element.scrollTop, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const onScroll = (): void => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop: top, clientHeight: height, scrollHeight } = element;
    const atEnd = scrollHeight - top - height < atEndSlack;
    // Only a person's scrolling up ends following: new lines move the end away too, but not the position.
    if (follow && !atEnd && top < view.top - 1) {
      setSeen(rows.length);
      onFollow(false);
    } else if (!follow && atEnd && top > view.top) onFollow(true);
    setView({ top, height });
  };

  const older = async (): Promise<void> => {
    setSeen(rows.length);
    onFollow(false);
    const added = await log.loadOlder();
    requestAnimationFrame(() => {
      if (scroller.current) scroller.current.scrollTop += added * lineHeight;
    });
  };

  return (
    <>
      <div
        ref={scroller}
        className={styles['scroll']}
        onScroll={onScroll}
        tabIndex={0}
        role="log"
        aria-label={t('label')}
        aria-live="off"
      >
        <div className={styles['space']} style={{ height: headHeight + rows.length * lineHeight + 8 }}>
          <div className={styles['older']}>
            {buffer.hasOlder ? (
              <button
                type="button"
                disabled={loadingOlder}
                onClick={() => void older()}
                data-testid="log-older"
              >
                {t('older')}
              </button>
            ) : (
              buffer.size > 0 && t('beginning')
            )}
          </div>
          <div
            className={styles['window']}
            style={{ transform: `translateY(${headHeight + first * lineHeight}px)` }}
          >
            {visible.map((row) =>
              'gap' in row ? (
                <div key={`gap ${row.gap.from}`} className={`${styles['line']} ${styles['gap']}`}>
                  {t('gap')}
                  <button type="button" onClick={() => void log.loadGap(row)}>
                    {t('gapLoad')}
                  </button>
                </div>
              ) : (
                <LogLineView
                  key={row.cursor}
                  line={row}
                  timestamps={timestamps}
                  sources={sources}
                  search={search}
                />
              ),
            )}
          </div>
        </div>
      </div>
      {missed > 0 && (
        <button type="button" className={styles['jump']} onClick={() => onFollow(true)}>
          ↓ {t('newLines', { n: missed })}
        </button>
      )}
    </>
  );
}
