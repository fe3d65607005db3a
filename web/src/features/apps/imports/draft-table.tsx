'use client';

import { Input, InputNumber, Switch } from 'antd';
import type { ImportChoiceInput, ImportPreview } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { wizardText } from '../wizard-text.ts';
import styles from './imports.module.css';
import { importText } from './text.ts';

type Draft = ImportPreview['apps'][number];
export type Choices = Readonly<Record<string, ImportChoiceInput>>;

/** The apps that a text would make, with what can be answered for each. */
export function DraftTable({
  drafts,
  choices,
  onChange,
}: {
  readonly drafts: readonly Draft[];
  readonly choices: Choices;
  readonly onChange: (choices: Choices) => void;
}): ReactNode {
  const t = useText(importText);
  const set = (service: string, change: Partial<ImportChoiceInput>): void =>
    onChange({ ...choices, [service]: { ...choices[service], service, ...change } });
  return (
    <div className={styles['scroll']}>
      <table className={styles['apps']} data-testid="import-apps">
        <thead>
          <tr>
            {(['include', 'name', 'from', 'kind', 'ports', 'needs', 'memory', 'replicas'] as const).map(
              (key) => (
                <th key={key} scope="col">
                  {t(key)}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {drafts.map((draft) => (
            <Row
              key={draft.service}
              draft={draft}
              choice={choices[draft.service]}
              onChange={(change) => set(draft.service, change)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly draft: Draft;
  readonly choice: ImportChoiceInput | undefined;
  readonly onChange: (change: Partial<ImportChoiceInput>) => void;
}

function Row({ draft, choice, onChange }: RowProps): ReactNode {
  const t = useText(importText);
  const wizard = useText(wizardText);
  const isIn = choice?.include ?? true;
  const { service, ports, env, volumes } = draft;
  return (
    <tr data-out={!isIn} data-testid={`import-${service}`}>
      <td>
        <Switch
          size="small"
          checked={isIn}
          aria-label={`${t('include')} ${service}`}
          onChange={(include) => onChange({ include })}
        />
      </td>
      <td>
        <Input
          size="small"
          className="mono"
          style={{ minWidth: 120 }}
          value={choice?.name ?? draft.name}
          disabled={!isIn}
          aria-label={`${t('name')} ${service}`}
          onChange={({ target }) => onChange({ name: target.value })}
        />
        <div className="faint small" style={{ marginTop: 3 }}>
          {[
            t('line', { line: draft.line }),
            env.length > 0 && t('variablesCount', { n: env.length }),
            volumes.length > 0 && t('volumesCount', { n: volumes.length }),
          ]
            .filter(Boolean)
            .join(' · ')}
        </div>
      </td>
      <td>
        <code>{draft.image ?? draft.buildFrom}</code>
        {volumes.map(({ name, mountPath, fromApp }) => (
          <div key={name} className="faint small">
            {fromApp ? t('shown', { path: mountPath, app: fromApp }) : mountPath}
          </div>
        ))}
      </td>
      <td>{wizard(draft.workload)}</td>
      <td>
        {ports.map(({ port, protocol, public: isPublic }) => (
          <div key={port} title={isPublic ? t('public') : undefined}>
            {port} <span className="faint">{protocol}</span>
            {isPublic && ' ↗'}
          </div>
        ))}
      </td>
      <td>{draft.dependsOn.join(', ')}</td>
      <td>
        <InputNumber
          size="small"
          style={{ width: 90 }}
          min={16}
          step={64}
          placeholder="512"
          disabled={!isIn}
          value={choice?.memoryMb ?? draft.memoryMb}
          aria-label={`${t('memory')} ${service}`}
          onChange={(memoryMb) => onChange({ memoryMb })}
        />
      </td>
      <td>
        <InputNumber
          size="small"
          style={{ width: 64 }}
          min={1}
          max={50}
          disabled={!isIn}
          value={choice?.replicas ?? draft.replicas}
          aria-label={`${t('replicas')} ${service}`}
          onChange={(replicas) => onChange({ replicas })}
        />
      </td>
    </tr>
  );
}
