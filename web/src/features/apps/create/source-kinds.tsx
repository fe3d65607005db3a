'use client';

import { InboxOutlined } from '@ant-design/icons';
import { Form, Input, InputNumber, Progress } from 'antd';
import { useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { wizardText } from '../wizard-text.ts';
import styles from '../components/apps.module.css';

/** Fields of a Subversion source, under `svnUrl`, `svnBranch`, `revision`, `subdirectory`, `username`, `password`. */
export function SvnFields({ onUrl }: { readonly onUrl?: (url: string) => void }): ReactNode {
  const t = useText(wizardText);
  const required = { required: true, message: t('required') };
  return (
    <>
      <Form.Item
        name="svnUrl"
        label={t('svnUrl')}
        extra={t('svnUrlHelp')}
        validateTrigger="onBlur"
        rules={[required, { pattern: /^(https?|svn):\/\/\S+$/, message: t('svnUrlInvalid') }]}
      >
        <Input
          className="mono"
          autoComplete="off"
          spellCheck={false}
          placeholder="https://svn.example.com/shop"
          data-testid="svn-url"
          onChange={({ target }) => onUrl?.(target.value)}
        />
      </Form.Item>
      <div className={styles['pair']}>
        <Form.Item name="svnBranch" label={t('svnBranch')} extra={t('svnBranchHelp')} initialValue="trunk">
          <Input className="mono" autoComplete="off" spellCheck={false} data-testid="svn-branch" />
        </Form.Item>
        <Form.Item name="revision" label={t('revision')} extra={t('revisionHelp')}>
          <InputNumber min={1} style={{ width: '100%' }} />
        </Form.Item>
        <Form.Item name="subdirectory" label={t('subdirectory')}>
          <Input className="mono" autoComplete="off" placeholder="/" />
        </Form.Item>
        <span />
        <Form.Item name="username" label={t('username')}>
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="password" label={t('password')}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </div>
    </>
  );
}

/** An image's reference, under `image`. */
export function ImageFields({ onImage }: { readonly onImage?: (image: string) => void }): ReactNode {
  const t = useText(wizardText);
  return (
    <Form.Item
      name="image"
      label={t('imageReference')}
      extra={t('imageHelp')}
      rules={[{ required: true, message: t('required') }]}
    >
      <Input
        className="mono"
        autoComplete="off"
        spellCheck={false}
        placeholder="nginx:1.27"
        data-testid="image-reference"
        onChange={({ target }) => onImage?.(target.value)}
      />
    </Form.Item>
  );
}

/** An archive, dropped or chosen; its id is kept under `uploadId`. */
export function UploadFields({ onFile }: { readonly onFile?: (name: string) => void }): ReactNode {
  const t = useText(wizardText);
  return (
    <>
      <Form.Item name="uploadId" rules={[{ required: true, message: t('uploadNeeded') }]}>
        <UploadBox onFile={onFile} />
      </Form.Item>
      <Form.Item name="subdirectory" label={t('subdirectory')} tooltip={t('subdirectoryHelp')}>
        <Input className="mono" autoComplete="off" placeholder="/" />
      </Form.Item>
    </>
  );
}

interface UploadBoxProps {
  readonly value?: string;
  readonly onChange?: (id: string | undefined) => void;
  readonly onFile?: (name: string) => void;
}

function UploadBox({ value, onChange, onFile }: UploadBoxProps): ReactNode {
  const t = useText(wizardText);
  const { team } = useTeam();
  const form = Form.useFormInstance<{ dataCenter?: string }>();
  const chooser = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [file, setFile] = useState<File>();
  const [sent, setSent] = useState(0);
  const { run, busy, error } = useAction(async (content: File) => {
    setFile(content);
    setSent(0);
    onChange?.(undefined);
    const dataCenter = form.getFieldValue('dataCenter') as string | undefined;
    const place = { teamId: team.id, ...(dataCenter && { dataCenter }) };
    const upload = await api().sources.upload(
      place,
      { name: content.name, content },
      { onProgress: (bytes: number) => setSent(bytes) },
    );
    onChange?.(upload.id);
    onFile?.(content.name);
  });
  const take = (files: FileList | null): void => {
    const [first] = files ?? [];
    if (first) void run(first);
  };
  return (
    <div className="stack" style={{ gap: 10 }}>
      <button
        type="button"
        className={styles['choice']}
        aria-checked={over}
        style={{ alignItems: 'center', padding: 28, borderStyle: 'dashed', width: '100%' }}
        data-testid="upload-drop"
        onClick={() => chooser.current?.click()}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer.files);
        }}
      >
        <InboxOutlined style={{ fontSize: 26, color: 'var(--petrol)' }} />
        <strong>{file ? file.name : t('uploadDrop')}</strong>
        <span className="faint small">{t('uploadKinds')}</span>
      </button>
      <input
        ref={chooser}
        type="file"
        style={{ display: 'none' }}
        accept=".zip,.tar,.tgz,.gz,.jar,.war"
        data-testid="upload-file"
        onChange={({ target }) => take(target.files)}
      />
      {file && (busy || value) && (
        <Progress
          percent={value ? 100 : Math.floor((sent / Math.max(1, file.size)) * 100)}
          status={value ? 'success' : 'active'}
          size="small"
        />
      )}
      <ErrorNote error={error} title={t('notUploaded')} />
    </div>
  );
}
