'use client';

import { Button, Form, Select, Tag } from 'antd';
import type { Examination } from '@skyarc/sdk';
import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { type SourceChoice, type SourceFields, sourceInputOf } from '../source-input.ts';
import { wizardText } from '../wizard-text.ts';

interface Filled extends SourceFields {
  readonly dataCenter?: string;
  readonly memoryMb?: number;
  readonly environment?: string;
  readonly workload?: string;
  readonly module?: string;
}

/** Whether image and platform set a variable themselves; a copy in the settings would outlive theirs. */
const isPlatforms = (name: string): boolean => /^PORT$|(^|_)(PATH|HOME)$/.test(name);

/** What must be filled in before a source can be looked at. */
const needed: Readonly<Partial<Record<SourceChoice, (keyof SourceFields)[]>>> = {
  git: ['url', 'branch'],
  svn: ['svnUrl'],
  upload: ['uploadId'],
  image: ['image'],
};

/** Looks at the source before an app is made of it, says what was found and why, and fills the form with it. */
export function ExaminePanel({ kind }: { readonly kind: SourceChoice }): ReactNode {
  const t = useText(wizardText);
  const { team } = useTeam();
  const form = Form.useFormInstance<Filled>();
  const [examination, setExamination] = useState<Examination>();
  useEffect(() => setExamination(undefined), [kind]);
  const { run, busy, error } = useAction(async () => {
    const fields = form.getFieldsValue(true) as Filled;
    setExamination(undefined);
    const done = await api().sources.examine(
      {
        teamId: team.id,
        ...(fields.dataCenter && { dataCenter: fields.dataCenter }),
        source: sourceInputOf(kind, fields),
      },
      { onProgress: setExamination },
    );
    setExamination(done);
    if (done.found) fill(done.found);
  });
  const fill = ({ memoryMb, workload, env }: NonNullable<Examination['found']>): void => {
    const { environment = '' } = form.getFieldsValue(true) as Filled;
    const known = new Set(environment.split('\n').map((line) => line.split('=', 1)[0]));
    const lines = env
      .filter(({ name }) => !known.has(name) && !isPlatforms(name))
      .map(({ name, value }) => `${name}=${value}`);
    form.setFieldsValue({
      memoryMb,
      workload,
      environment: [environment, ...lines].filter(Boolean).join('\n'),
    });
  };
  return (
    <Panel
      title={t('examine')}
      hint={t('examineHint')}
      actions={
        <Button
          size="small"
          loading={busy}
          data-testid="examine"
          onClick={() =>
            void form.validateFields(needed[kind] ?? []).then(
              () => run(),
              () => undefined,
            )
          }
        >
          {t('examineNow')}
        </Button>
      }
    >
      <ErrorNote error={error} title={t('notExamined')} />
      {!examination && !error && <p className="soft small">{t('examineHelp')}</p>}
      {examination && <Findings examination={examination} />}
    </Panel>
  );
}

function Findings({ examination }: { readonly examination: Examination }): ReactNode {
  const t = useText(wizardText);
  const { found, status, message, modules, problems, log } = examination;
  const isOver = status === 'SUCCEEDED' || status === 'FAILED';
  return (
    <div className="stack" style={{ gap: 12 }} data-testid="examination">
      {!isOver && <p className="soft small">{log.at(-1) ?? t('examining')}</p>}
      {status === 'FAILED' && problems.every((problem) => problem.message !== message) && (
        <Note kind="error">{message}</Note>
      )}
      {problems.map((problem) => (
        <Note
          key={problem.message}
          kind={problem.severity === 'ERROR' ? 'error' : 'warning'}
          title={problem.message}
        >
          {problem.advice}
        </Note>
      ))}
      {found && (
        <dl className="stack small" style={{ gap: 6, margin: 0 }}>
          <Fact label={t('foundLanguage')} reason={found.reason}>
            {found.language} {found.version}
          </Fact>
          {found.ports.length > 0 && (
            <Fact label={t('foundPorts')} reason={found.ports[0]?.reason}>
              {found.ports.map(({ port, protocol }) => (
                <Tag key={port}>
                  {port} {protocol}
                </Tag>
              ))}
            </Fact>
          )}
          {found.processes.slice(0, 4).map(({ name, command }) => (
            <Fact key={name} label={name}>
              <code>{command}</code>
            </Fact>
          ))}
          {found.volumes.map(({ mountPath, reason }) => (
            <Fact key={mountPath} label={t('foundVolume')} reason={reason}>
              <code>{mountPath}</code>
            </Fact>
          ))}
          {found.env.length > 0 && (
            <Fact label={t('foundEnv')}>{found.env.map(({ name }) => name).join(', ')}</Fact>
          )}
        </dl>
      )}
      {modules.length > 0 && (
        <Form.Item name="module" label={t('module')} extra={t('moduleHelp')} style={{ marginBottom: 0 }}>
          <Select
            allowClear
            data-testid="examine-module"
            options={modules.map(({ name, path, packaging }) => ({
              value: path,
              label: [name, packaging].filter(Boolean).join(' · '),
            }))}
          />
        </Form.Item>
      )}
    </div>
  );
}

function Fact({
  label,
  reason,
  children,
}: {
  readonly label: string;
  readonly reason?: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className="row wrap" style={{ gap: '2px 10px', alignItems: 'baseline' }}>
      <dt className="faint" style={{ minWidth: 84 }}>
        {label}
      </dt>
      <dd style={{ margin: 0, minWidth: 0, overflowWrap: 'anywhere' }}>
        {children} {reason && <span className="faint">({reason})</span>}
      </dd>
    </div>
  );
}
