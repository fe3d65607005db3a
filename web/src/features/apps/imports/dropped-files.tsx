'use client';

import { DeleteOutlined, UploadOutlined } from '@ant-design/icons';
import { Button, Input } from 'antd';
import { useRef, useState } from 'react';
import type { ReactNode, RefObject } from 'react';
import { bytes } from '../../../components/format.ts';
import { useText } from '../../../components/use-text.ts';
import styles from './imports.module.css';
import { importText } from './text.ts';

/** A file under the name that a text calls it by. */
export interface NamedFile {
  readonly path: string;
  readonly content: string;
}

/** A box that takes dropped files. */
export function TextDrop({
  boxRef,
  onFiles,
  children,
}: {
  readonly boxRef: RefObject<HTMLDivElement | null>;
  readonly onFiles: (files: FileList) => Promise<void>;
  readonly children: ReactNode;
}): ReactNode {
  const [over, setOver] = useState(false);
  return (
    <div
      ref={boxRef}
      className={styles['drop']}
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void onFiles(event.dataTransfer.files);
      }}
    >
      {children}
    </div>
  );
}

/** Files beside the text, under the names that it calls them by. */
export function Beside({
  files,
  help,
  onFiles,
  onTake,
}: {
  readonly files: readonly NamedFile[];
  readonly help: string;
  readonly onFiles: (files: readonly NamedFile[]) => void;
  readonly onTake: (files: FileList) => Promise<void>;
}): ReactNode {
  const t = useText(importText);
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <div className="stack" style={{ gap: 8, margin: '12px 0' }}>
      {files.map((file, index) => (
        <div key={index} className={styles['file']}>
          <Input
            size="small"
            className="mono"
            style={{ maxWidth: 320 }}
            aria-label={t('files')}
            value={file.path}
            onChange={({ target }) =>
              onFiles(files.map((one, at) => (at === index ? { ...one, path: target.value } : one)))
            }
          />
          <span className="faint small">{bytes(file.content.length)}</span>
          <Button
            size="small"
            type="text"
            icon={<DeleteOutlined />}
            aria-label={`${t('files')} ${index + 1}`}
            onClick={() => onFiles(files.filter((_, at) => at !== index))}
          />
        </div>
      ))}
      <div className="row wrap">
        <Button size="small" icon={<UploadOutlined />} onClick={() => chooser.current?.click()}>
          {t('drop')}
        </Button>
        <span className="faint small">{help}</span>
      </div>
      <input
        ref={chooser}
        type="file"
        multiple
        style={{ display: 'none' }}
        data-testid="import-files"
        onChange={({ target }) => {
          if (target.files) void onTake(target.files);
        }}
      />
    </div>
  );
}
