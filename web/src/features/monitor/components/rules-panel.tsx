'use client';

import { Button, Modal } from 'antd';
import { AlertRulesDocument } from '@skyarc/sdk';
import type { AlertRuleFieldsFragment, AlertSeverity } from '@skyarc/sdk';
import { ruleIn } from '@skyarc/sdk/alerts';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { FormRecord } from '../../../components/record-form/index.ts';
import { Loaded } from '../../../components/states.tsx';
import { usePreferences } from '../../../components/preferences.tsx';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';
import type { AlertPanelProps } from './firing-panel.tsx';
import { Severity } from './severity.tsx';

const empty: FormRecord = {
  name: '',
  expression: '',
  forSec: 60,
  severity: 'WARNING',
  summary: '',
  enabled: true,
};

/** Rules that come with Skyarc, and own ones. */
export function RulesPanel({ teamId, mayChange }: AlertPanelProps): ReactNode {
  const t = useText(monitorText);
  const { language } = usePreferences();
  const state = useQuery(AlertRulesDocument, { teamId }, { refreshMs: 15_000 });
  const [editing, setEditing] = useState<FormRecord>();
  const place = teamId === null ? {} : { teamId };
  const remove = useAction(async (id: string) => {
    await api().monitor.deleteRule(id, place);
    await state.reload();
  });
  const [showsDefaults, setShowsDefaults] = useState(false);
  const rules = state.data?.alertRules ?? [];
  const own = rules.filter(({ isDefault }) => !isDefault);
  const shown = showsDefaults ? rules : own;
  return (
    <Panel
      flush
      title={t('rules')}
      hint={t('ownRules', { own: own.length, all: rules.length })}
      testId="rules"
      actions={
        mayChange && (
          <Button size="small" data-testid="rule-new" onClick={() => setEditing(empty)}>
            {t('newRule')}
          </Button>
        )
      }
    >
      <ErrorNote error={remove.error} title={t('notDone')} />
      <Loaded state={state} rows={6}>
        {() => (
          <DataList
            label={t('rules')}
            items={shown}
            keyOf={({ id }) => id}
            columns={[
              { key: 'severity', title: t('severity'), render: (one) => <Severity of={one.severity} /> },
              {
                key: 'name',
                title: t('name'),
                render: ({ name, summary, expression, isDefault, problem }) => (
                  <>
                    <strong>{name}</strong>
                    <div className="small">{isDefault ? ruleIn(language, name) : summary}</div>
                    {isDefault && <div className="faint small">{t('default')}</div>}
                    <code className="faint small" style={{ overflowWrap: 'anywhere' }}>
                      {expression}
                    </code>
                    {problem && (
                      <div className="small" style={{ color: 'var(--red)' }}>
                        {problem}
                      </div>
                    )}
                  </>
                ),
              },
              {
                key: 'act',
                title: '',
                align: 'right',
                render: (rule: AlertRuleFieldsFragment) =>
                  mayChange &&
                  !rule.isDefault && (
                    <span className="row wrap" style={{ justifyContent: 'flex-end' }}>
                      <Button size="small" onClick={() => setEditing(formOf(rule))}>
                        {t('change')}
                      </Button>
                      <Button
                        size="small"
                        danger
                        data-testid={`rule-remove-${rule.name}`}
                        onClick={() => void remove.run(rule.id)}
                      >
                        {t('remove')}
                      </Button>
                    </span>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      <div style={{ padding: '8px 16px 12px' }}>
        <Button
          type="link"
          size="small"
          style={{ padding: 0 }}
          data-testid="rules-all"
          onClick={() => setShowsDefaults(!showsDefaults)}
        >
          {t(showsDefaults ? 'hideDefaults' : 'showDefaults', { n: rules.length - own.length })}
        </Button>
      </div>
      <Modal
        open={editing !== undefined}
        title={t(editing?.['id'] ? 'changeRule' : 'newRule')}
        footer={null}
        destroyOnHidden
        onCancel={() => setEditing(undefined)}
      >
        {editing && (
          <RuleForm
            teamId={teamId}
            rule={editing}
            onDone={() => {
              setEditing(undefined);
              void state.reload();
            }}
          />
        )}
      </Modal>
    </Panel>
  );
}

function formOf({
  id,
  name,
  expression,
  forSec,
  severity,
  summary,
  enabled,
}: AlertRuleFieldsFragment): FormRecord {
  return { id, name, expression, forSec, severity, summary, enabled };
}

interface RuleFormProps {
  readonly teamId: string | null;
  readonly rule: FormRecord;
  readonly onDone: () => void;
}

function RuleForm({ teamId, rule, onDone }: RuleFormProps): ReactNode {
  const t = useText(monitorText);
  const [values, setValues] = useState(rule);
  const { run, busy, error } = useAction(async () => {
    const text = (key: string) => (values[key] as string | undefined) ?? '';
    await api().monitor.saveRule({
      teamId,
      id: text('id') || null,
      name: text('name'),
      expression: text('expression'),
      forSec: Number(values['forSec'] ?? 0),
      severity: text('severity') as AlertSeverity,
      summary: text('summary'),
      enabled: values['enabled'] === true,
    });
    onDone();
  });
  return (
    <div className="stack">
      <RecordForm
        path="rule"
        value={values}
        disabled={busy}
        onChange={setValues}
        fields={[
          { kind: 'text', key: 'name', label: t('name') },
          {
            kind: 'choice',
            key: 'severity',
            label: t('severity'),
            options: (['CRITICAL', 'WARNING', 'INFO'] as const).map((value) => ({ value, label: t(value) })),
          },
          { kind: 'area', key: 'expression', label: t('expression'), help: t('expressionHelp') },
          { kind: 'number', key: 'forSec', label: t('forSec'), unit: t('seconds'), min: 0 },
          { kind: 'switch', key: 'enabled', label: t('enabled') },
          { kind: 'area', key: 'summary', label: t('summary'), help: t('summaryHelp') },
        ]}
      />
      <ErrorNote error={error} title={t('notDone')} />
      <Button type="primary" loading={busy} data-testid="rule-save" onClick={() => void run()}>
        {t('save')}
      </Button>
    </div>
  );
}
