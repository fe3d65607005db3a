'use client';

import { Button, Form, Input, Segmented, Select, Switch } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { TerminalTarget } from '@skyarc/sdk';
import { useText } from '../../../components/use-text.ts';
import type { DeskStart } from '../hooks/use-desk.ts';
import { terminalText } from '../text.ts';
import { wordsOf } from '../words.ts';
import styles from './terminals.module.css';

type Kind = 'shell' | 'command' | 'debug';

interface OpenFormProps {
  readonly targets: readonly TerminalTarget[];
  /** The pod that was asked for by a link. */
  readonly pod: string | null;
  readonly onOpen: (start: DeskStart) => void;
}

/** Where to open a terminal, and what in it. */
export function OpenForm({ targets, pod: asked, onOpen }: OpenFormProps): ReactNode {
  const t = useText(terminalText);
  const [pod, setPod] = useState(asked);
  const [container, setContainer] = useState<string | null>(null);
  const [kind, setKind] = useState<Kind>('shell');
  const [command, setCommand] = useState('');
  const [record, setRecord] = useState(false);
  const target = targets.find((one) => one.pod === pod) ?? targets[0];
  const inside = target?.containers.find((one) => one.name === container) ?? target?.containers[0];
  const words = wordsOf(command);
  const isReady = inside?.running === true && (kind !== 'command' || words.length > 0);

  const open = (): void => {
    if (!target || !inside) return;
    onOpen({
      pod: target.pod,
      container: inside.name,
      record,
      ...(kind === 'command' && { command: words }),
      ...(kind === 'debug' && { debug: true }),
    });
  };

  return (
    <Form layout="vertical" className={styles['form'] ?? ''} onFinish={open} data-testid="terminal-form">
      <div className={styles['pair']}>
        <Form.Item label={t('pod')} htmlFor="terminal-pod">
          <Select
            id="terminal-pod"
            value={target?.pod ?? null}
            options={targets.map((one) => ({
              value: one.pod,
              label: one.ready ? one.pod : `${one.pod} (${t('notReady')})`,
            }))}
            onChange={(next: string | null) => {
              setPod(next);
              setContainer(null);
            }}
          />
        </Form.Item>
        <Form.Item label={t('container')} htmlFor="terminal-container">
          <Select
            id="terminal-container"
            value={inside?.name ?? null}
            options={(target?.containers ?? []).map(({ name, kind: sort, running }) => ({
              value: name,
              disabled: !running,
              label: [
                name,
                sort !== 'MAIN' && ` · ${t(`container${sort}`)}`,
                !running && ` (${t('notRunning')})`,
              ]
                .filter(Boolean)
                .join(''),
            }))}
            onChange={(next: string | null) => setContainer(next)}
          />
        </Form.Item>
      </div>
      <Form.Item label={t('what')} extra={t(`${kind}Help`)}>
        <Segmented<Kind>
          value={kind}
          onChange={setKind}
          options={[
            { value: 'shell', label: t('shell') },
            { value: 'command', label: t('command') },
            { value: 'debug', label: t('debug') },
          ]}
        />
      </Form.Item>
      {kind === 'command' && (
        <Form.Item label={t('command')} htmlFor="terminal-command">
          <Input
            id="terminal-command"
            className="mono"
            value={command}
            autoComplete="off"
            spellCheck={false}
            placeholder="ls -la /app"
            data-testid="terminal-command"
            onChange={({ target: { value } }) => setCommand(value)}
          />
        </Form.Item>
      )}
      <Form.Item extra={t('recordHelp')}>
        <label className="row" style={{ gap: 10 }}>
          <Switch checked={record} onChange={setRecord} data-testid="terminal-record" />
          {t('record')}
        </label>
      </Form.Item>
      <Button type="primary" htmlType="submit" disabled={!isReady} data-testid="terminal-connect">
        {t('connect')}
      </Button>
    </Form>
  );
}
