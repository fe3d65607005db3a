'use client';

import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Checkbox, Input, Modal, Select, Tooltip } from 'antd';
import type { AppFieldsFragment, EnvScope } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { SaveBar } from '../../../components/save-bar.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { isEnvName, parseEnvFile } from '../env-file.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { settingsText } from '../settings-text.ts';
import styles from './apps.module.css';

interface Row {
  readonly key: number;
  readonly name: string;
  /** Null keeps the secret that is stored. */
  readonly value: string | null;
  readonly secret: boolean;
  readonly scope: EnvScope;
}

let nextKey = 0;

function rowOf(entry: Omit<Row, 'key'>): Row {
  return { ...entry, key: (nextKey += 1) };
}

/** Editor of the environment: one row a variable; secrets can be set but not read. */
export function EnvironmentTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  const [edited, setEdited] = useState<readonly Row[]>();
  const [saved] = useState(() => new WeakMap<AppFieldsFragment['env'], readonly Row[]>());
  const [pasting, setPasting] = useState(false);
  const update = useUpdateApp(app.id);

  if (!saved.has(app.env))
    saved.set(
      app.env,
      app.env.map(({ name, value, secret, scope }) => rowOf({ name, value, secret, scope })),
    );
  const rows = edited ?? saved.get(app.env) ?? [];
  const names = rows.map(({ name }) => name);
  const problemOf = ({ name }: Row): string | null => {
    if (name !== '' && !isEnvName(name)) return t('nameInvalid');
    return name !== '' && names.filter((other) => other === name).length > 1 ? t('nameTwice') : null;
  };
  const change = (key: number, part: Partial<Row>): void =>
    setEdited(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));

  const save = async (): Promise<void> => {
    const env = rows
      .filter(({ name }) => name !== '')
      .map(({ name, value, secret, scope }) => ({ name, value, secret, scope }));
    if (await update.run({ env })) setEdited(undefined);
  };
  const discard = (): void => {
    setEdited(undefined);
    update.clear();
  };
  const paste = (text: string, secret: boolean): void => {
    const pasted = parseEnvFile(text).entries;
    const replaced = new Set(pasted.map(({ name }) => name));
    setEdited([
      ...rows.filter(({ name }) => name !== '' && !replaced.has(name)),
      ...pasted.map((entry) => rowOf({ ...entry, secret, scope: 'SELF' })),
    ]);
    setPasting(false);
  };

  return (
    <Panel
      flush
      title={t('variables')}
      hint={t('variablesHint')}
      actions={
        mayDevelop && (
          <Button onClick={() => setPasting(true)} data-testid="env-paste">
            {t('pasteFile')}
          </Button>
        )
      }
    >
      {!mayDevelop && (
        <p className="soft" style={{ padding: '12px 16px' }}>
          {t('viewerHint')}
        </p>
      )}
      {rows.length === 0 && (
        <p className="soft" style={{ padding: '14px 16px' }}>
          {t('noVariables')}
        </p>
      )}
      {rows.map((row) => {
        const problem = problemOf(row);
        return (
          <div key={row.key} className={styles['env']}>
            <div>
              <Input
                className="mono"
                value={row.name}
                readOnly={!mayDevelop}
                status={problem ? 'error' : ''}
                spellCheck={false}
                autoComplete="off"
                placeholder={t('name')}
                aria-label={t('name')}
                onChange={({ target }) => change(row.key, { name: target.value.trim() })}
              />
              {problem && (
                <p role="alert" className={styles['problem']}>
                  {problem}
                </p>
              )}
            </div>
            <Input.TextArea
              className="mono"
              value={row.value ?? ''}
              readOnly={!mayDevelop}
              autoSize={{ minRows: 1, maxRows: 8 }}
              spellCheck={false}
              placeholder={row.secret && row.value === null ? `•••••••• ${t('secretStored')}` : t('value')}
              aria-label={`${t('value')} ${row.name}`}
              onChange={({ target }) => change(row.key, { value: target.value })}
            />
            <Select<EnvScope>
              value={row.scope}
              disabled={!mayDevelop}
              style={{ width: 168 }}
              aria-label={`${t('scope')} ${row.name}`}
              options={(['SELF', 'DEPENDENTS', 'BOTH'] as const).map((value) => ({ value, label: t(value) }))}
              onChange={(scope) => change(row.key, { scope })}
            />
            <Tooltip title={t('secretHelp')}>
              <Checkbox
                checked={row.secret}
                disabled={!mayDevelop || (row.secret && row.value === null)}
                style={{ padding: '6px 2px' }}
                onChange={({ target }) => change(row.key, { secret: target.checked })}
              >
                {t('secret')}
              </Checkbox>
            </Tooltip>
            <Button
              type="text"
              icon={<DeleteOutlined />}
              disabled={!mayDevelop}
              aria-label={t('remove', { name: row.name })}
              onClick={() => setEdited(rows.filter(({ key }) => key !== row.key))}
            />
          </div>
        );
      })}
      {mayDevelop && (
        <div style={{ padding: '10px 16px' }}>
          <Button
            type="dashed"
            icon={<PlusOutlined />}
            data-testid="env-add"
            onClick={() => setEdited([...rows, rowOf({ name: '', value: '', secret: false, scope: 'SELF' })])}
          >
            {t('addVariable')}
          </Button>
        </div>
      )}
      <SaveBar
        dirty={edited !== undefined}
        busy={update.busy}
        error={update.error}
        disabled={rows.some((row) => problemOf(row) !== null)}
        testId="env-save"
        onSave={() => void save()}
        onDiscard={discard}
      />
      <Modal
        open={pasting}
        title={t('pasteTitle')}
        footer={null}
        destroyOnHidden
        onCancel={() => setPasting(false)}
      >
        <PasteForm onTake={paste} />
      </Modal>
    </Panel>
  );
}

function PasteForm({ onTake }: { readonly onTake: (text: string, secret: boolean) => void }): ReactNode {
  const t = useText(settingsText);
  const [text, setText] = useState('');
  const [secret, setSecret] = useState(false);
  const { entries, problems } = parseEnvFile(text);
  return (
    <div className="stack">
      <p className="soft">{t('pasteHelp')}</p>
      <Input.TextArea
        autoFocus
        className="mono"
        spellCheck={false}
        autoSize={{ minRows: 8, maxRows: 18 }}
        value={text}
        aria-label={t('pasteTitle')}
        onChange={({ target }) => setText(target.value)}
      />
      {problems.length > 0 && (
        <Note kind="warning">
          {t('pasteProblems', { lines: problems.map(({ line }) => line).join(', ') })}
        </Note>
      )}
      <Checkbox checked={secret} onChange={({ target }) => setSecret(target.checked)}>
        {t('pasteSecret')}
      </Checkbox>
      <Button type="primary" disabled={entries.length === 0} onClick={() => onTake(text, secret)}>
        {t('takeOver')} ({entries.length})
      </Button>
    </div>
  );
}
