'use client';

import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Switch } from 'antd';
import { useId } from 'react';
import type { ReactNode } from 'react';
import { commonText } from '../common-text.ts';
import { useText } from '../use-text.ts';
import { isWide } from './field.ts';
import type { Field, FormRecord } from './field.ts';
import { Input } from './field-input.tsx';
import styles from './record-form.module.css';

export interface RecordFormProps {
  readonly fields: readonly Field[];
  readonly value: FormRecord;
  readonly disabled?: boolean;
  readonly onChange: (value: FormRecord) => void;
  /** Begins the test ids of its inputs: `<path>.<key>`. */
  readonly path: string;
}

/** Inputs for a record, described by its fields; nested records are indented, lists grow by a button. */
export function RecordForm({ fields, value, disabled = false, onChange, path }: RecordFormProps): ReactNode {
  return (
    <div className={styles['grid']}>
      {fields
        .filter(({ when }) => !when || when(value))
        .map((field) => (
          <Row
            key={field.key}
            field={field}
            value={value[field.key]}
            disabled={disabled}
            path={`${path}.${field.key}`}
            onChange={(next) => onChange({ ...value, [field.key]: next })}
          />
        ))}
    </div>
  );
}

interface RowProps {
  readonly field: Field;
  readonly value: unknown;
  readonly disabled: boolean;
  readonly path: string;
  readonly onChange: (value: unknown) => void;
}

function Row(props: RowProps): ReactNode {
  const { field } = props;
  if (field.kind === 'part') return <Part {...props} field={field} />;
  if (field.kind === 'rows') return <Rows {...props} field={field} />;
  if (field.kind === 'block') return <Block {...props} field={field} />;
  return <Single {...props} />;
}

function Single({ field, value, disabled, path, onChange }: RowProps): ReactNode {
  const id = useId();
  const classes = [
    styles['field'],
    isWide(field) ? styles['wide'] : '',
    field.kind === 'switch' ? styles['switch'] : '',
  ];
  const input = (
    <Input id={id} field={field} value={value} disabled={disabled} path={path} onChange={onChange} />
  );
  const label = (
    <label htmlFor={id}>
      {field.label}
      {field.kind === 'number' && field.unit && <span className="faint"> ({field.unit})</span>}
    </label>
  );
  return (
    <div className={classes.join(' ')}>
      {field.kind === 'switch' ? input : label}
      {field.kind === 'switch' ? label : input}
      {field.help && <span className={styles['help']}>{field.help}</span>}
    </div>
  );
}

function Part(props: RowProps & { readonly field: Extract<Field, { kind: 'part' }> }): ReactNode {
  const { field, value, disabled, path, onChange } = props;
  const isOn = value !== null && value !== undefined;
  return (
    <section className={`${styles['part']} ${styles['wide']}`}>
      <header>
        <Switch
          size="small"
          checked={isOn}
          disabled={disabled}
          aria-label={field.label}
          data-testid={path}
          onChange={(on) => onChange(on ? field.empty : null)}
        />
        <div>
          <strong style={{ fontWeight: 560 }}>{field.label}</strong>
          {field.help && <div className={styles['help']}>{field.help}</div>}
        </div>
      </header>
      {isOn && field.fields.length > 0 && (
        <div>
          <RecordForm
            fields={field.fields}
            value={value as FormRecord}
            disabled={disabled}
            path={path}
            onChange={onChange}
          />
        </div>
      )}
    </section>
  );
}

function Block(props: RowProps & { readonly field: Extract<Field, { kind: 'block' }> }): ReactNode {
  const { field, value, disabled, path, onChange } = props;
  return (
    <section className={styles['wide']}>
      <strong style={{ fontWeight: 560, display: 'block', marginBottom: 10 }}>{field.label}</strong>
      <RecordForm
        fields={field.fields}
        value={(value ?? {}) as FormRecord}
        disabled={disabled}
        path={path}
        onChange={onChange}
      />
    </section>
  );
}

function Rows(props: RowProps & { readonly field: Extract<Field, { kind: 'rows' }> }): ReactNode {
  const t = useText(commonText);
  const { field, value, disabled, path, onChange } = props;
  const rows = (value ?? []) as readonly FormRecord[];
  return (
    <div className={`${styles['rows']} ${styles['wide']}`} role="group" aria-label={field.label}>
      {!field.isAlone && (
        <div className={styles['field']}>
          <span className={styles['label']}>{field.label}</span>
          {field.help && <span className={styles['help']}>{field.help}</span>}
        </div>
      )}
      {rows.map((row, index) => (
        // Rows have no identity of their own: their place is it.
        <div key={index} className={styles['row']}>
          <RecordForm
            fields={field.fields}
            value={row}
            disabled={disabled}
            path={`${path}.${index}`}
            onChange={(next) => onChange(rows.map((each, at) => (at === index ? next : each)))}
          />
          <Button
            type="text"
            icon={<DeleteOutlined />}
            disabled={disabled}
            aria-label={t('removeRow', { label: field.label, n: index + 1 })}
            onClick={() => onChange(rows.filter((_, at) => at !== index))}
          />
        </div>
      ))}
      <div>
        <Button
          type="dashed"
          size="small"
          icon={<PlusOutlined />}
          disabled={disabled}
          data-testid={`${path}.add`}
          onClick={() => onChange([...rows, field.empty])}
        >
          {field.add}
        </Button>
      </div>
    </div>
  );
}
