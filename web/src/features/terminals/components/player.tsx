'use client';

import { PauseOutlined, CaretRightOutlined } from '@ant-design/icons';
import { Button, Checkbox, Segmented, Slider } from 'antd';
import Link from 'next/link';
import { useEffect, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import type { AppFieldsFragment } from '@skyarc/sdk';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { parseCast, withoutPauses } from '../cast.ts';
import type { Cast } from '../cast.ts';
import { usePlayback } from '../hooks/use-playback.ts';
import { useXterm } from '../hooks/use-xterm.ts';
import { terminalText } from '../text.ts';
import styles from './terminals.module.css';

const speeds = [0.5, 1, 2, 4, 8];
const longestPauseSec = 1;

/** Replays a recorded session. */
export function Player({ app, id }: { readonly app: AppFieldsFragment; readonly id: string }): ReactNode {
  const t = useText(terminalText);
  const { element, screen } = useXterm({ fontSize: 13, readOnly: true });
  const [whole, setWhole] = useState<Cast | null>(null);
  const [speed, setSpeed] = useState(1);
  const [skipPauses, setSkipPauses] = useState(false);
  const load = useAction(async () => {
    let text = '';
    for await (const piece of api().terminals.recording(id)) text += piece;
    setWhole(parseCast(text));
  });
  const { run } = load;
  useEffect(() => void run(), [run, id]);
  const cast = useMemo(
    () => (whole && skipPauses ? withoutPauses(whole, longestPauseSec) : whole),
    [whole, skipPauses],
  );
  const { at, isPlaying, play, pause, seek } = usePlayback(screen, cast, speed);
  const duration = cast?.duration ?? 0;

  return (
    <div className="stack">
      <div className="row wrap">
        <Link href={`/app?id=${app.id}&tab=terminal&view=sessions`}>← {t('back')}</Link>
        {whole && <span className="soft">{t('recordingOf', { where: whole.title })}</span>}
        {!whole && !load.error && <span className="soft">{t('loading')}</span>}
      </div>
      <ErrorNote error={load.error} title={t('failed')} />
      <div className={styles['player']} data-testid="terminal-player" data-playing={isPlaying}>
        <div ref={element} className={styles['picture']} data-testid="terminal-picture" />
        <div className={styles['bar']}>
          <Button
            type="primary"
            shape="circle"
            icon={isPlaying ? <PauseOutlined /> : <CaretRightOutlined />}
            aria-label={isPlaying ? t('pause') : t('play')}
            disabled={!cast || duration === 0}
            data-testid="terminal-play"
            onClick={isPlaying ? pause : play}
          />
          <span className="mono small">
            {clockOf(at)} / {clockOf(duration)}
          </span>
          <Slider
            style={{ flex: '1 1 180px', margin: '0 8px' }}
            min={0}
            max={duration}
            step={0.01}
            value={Math.min(at, duration)}
            tooltip={{ formatter: (value) => clockOf(value ?? 0) }}
            ariaLabelForHandle={t('position')}
            disabled={!cast}
            onChange={(value: number) => {
              pause();
              seek(value);
            }}
          />
          <Segmented
            size="small"
            aria-label={t('speed')}
            value={speed}
            options={speeds.map((value) => ({ value, label: `${value}×` }))}
            onChange={setSpeed}
          />
          <Checkbox checked={skipPauses} onChange={({ target: { checked } }) => setSkipPauses(checked)}>
            {t('skipPauses')}
          </Checkbox>
        </div>
      </div>
      {cast && duration === 0 && <p className="soft">{t('emptyRecording')}</p>}
    </div>
  );
}

function clockOf(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
