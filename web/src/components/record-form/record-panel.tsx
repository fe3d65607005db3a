'use client';

import { useState } from 'react';
import type { ReactNode } from 'react';
import type { ActionState } from '../api.ts';
import { Panel } from '../panel.tsx';
import { SaveBar } from '../save-bar.tsx';
import type { Field, FormRecord } from './field.ts';
import { RecordForm } from './record-form.tsx';

export interface RecordPanelProps<Value extends object> {
  readonly title: string;
  readonly hint?: ReactNode;
  readonly fields: readonly Field[];
  /** As it is stored. */
  readonly value: Value;
  readonly action: ActionState<readonly [Value], unknown>;
  readonly testId: string;
  /** False: to be looked at only. */
  readonly editable: boolean;
  readonly children?: ReactNode;
}

/** A titled form over one record, with a bar to save it once something was changed. */
export function RecordPanel<Value extends object>({
  title,
  hint,
  fields,
  value,
  action,
  testId,
  editable,
  children,
}: RecordPanelProps<Value>): ReactNode {
  const [edited, setEdited] = useState<FormRecord>();
  return (
    <Panel flush title={title} hint={hint} testId={testId}>
      <div style={{ padding: 16 }}>
        <RecordForm
          fields={fields}
          value={edited ?? (value as FormRecord)}
          disabled={!editable || action.busy}
          path={testId}
          onChange={setEdited}
        />
        {children}
      </div>
      <SaveBar
        dirty={edited !== undefined}
        busy={action.busy}
        error={action.error}
        testId={`${testId}-save`}
        onSave={() =>
          void action.run(edited as Value).then((done) => done !== undefined && setEdited(undefined))
        }
        onDiscard={() => {
          setEdited(undefined);
          action.clear();
        }}
      />
    </Panel>
  );
}
