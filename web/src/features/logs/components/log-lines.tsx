'use client';

import type { LogLine } from '@skyarc/sdk';
import { memo } from 'react';
import type { ReactNode } from 'react';
import { clock } from '../../../components/format.ts';
import { parseAnsi } from '../ansi.ts';
import { podOf, severityOf } from '../log-buffer.ts';
import styles from './log.module.css';

interface LogLineViewProps {
  readonly line: LogLine;
  readonly timestamps: boolean;
  readonly sources: boolean;
  readonly search: string;
}

/** One line of a log. */
export const LogLineView = memo(function LogLineView({
  line,
  timestamps,
  sources,
  search,
}: LogLineViewProps) {
  const severity = severityOf(line.level);
  return (
    <div className={`${styles['line']} ${styles[severity] ?? ''}`}>
      {timestamps && (
        <time className={styles['at']} dateTime={line.at} title={line.at}>
          {clock(line.at)}
        </time>
      )}
      {sources && (
        <span className={styles['source']} title={line.source}>
          {shortSource(line.source)}
        </span>
      )}
      <span>
        {parseAnsi(line.text).map(({ text, color, bold, dim }, index) => (
          <span
            // Pieces of a line never move.
            // eslint-disable-next-line react/no-array-index-key
            key={index}
            className={[color && styles[color], bold && styles['bold'], dim && styles['dim']]
              .filter(Boolean)
              .join(' ')}
          >
            {marked(text, search)}
          </span>
        ))}
      </span>
    </div>
  );
});

// The end of a pod's name tells it from its siblings.
function shortSource(source: string): string {
  const pod = podOf(source);
  return pod.length > 13 ? `…${pod.slice(-12)}` : source;
}

function marked(text: string, search: string): ReactNode {
  if (!search) return text;
  const lower = text.toLowerCase();
  const wanted = search.toLowerCase();
  const pieces: ReactNode[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    pieces.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  pieces.push(text.slice(from));
  return pieces;
}
