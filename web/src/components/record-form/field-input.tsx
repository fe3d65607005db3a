'use client';

import { Input as AntInput, InputNumber, Select, Switch } from 'antd';
import type { ReactNode } from 'react';
import type { Field } from './field.ts';

interface InputProps {
  readonly id: string;
  readonly field: Field;
  readonly value: unknown;
  readonly disabled: boolean;
  readonly path: string;
  readonly onChange: (value: unknown) => void;
}

/** The control of one plain field; null for one that holds others. */
export function Input({ field, value, onChange, path, id, disabled }: InputProps): ReactNode {
  const common = { id, disabled, 'data-testid': path } as const;
  switch (field.kind) {
    case 'text':
      return (
        <AntInput
          {...common}
          className={field.mono ? 'mono' : ''}
          value={(value ?? '') as string}
          placeholder={field.placeholder ?? ''}
          spellCheck={false}
          autoComplete="off"
          onChange={({ target }) => onChange(target.value === '' ? null : target.value)}
        />
      );
    case 'secret':
      return (
        <AntInput.Password
          {...common}
          value={(value ?? '') as string}
          placeholder={field.placeholder ?? ''}
          autoComplete="new-password"
          onChange={({ target }) => onChange(target.value === '' ? null : target.value)}
        />
      );
    case 'area':
      return (
        <AntInput.TextArea
          {...common}
          className="mono"
          value={(value ?? '') as string}
          placeholder={field.placeholder ?? ''}
          autoSize={{ minRows: 4, maxRows: 18 }}
          spellCheck={false}
          onChange={({ target }) => onChange(target.value === '' ? null : target.value)}
        />
      );
    case 'number':
      return (
        <InputNumber
          {...common}
          value={(value ?? null) as number | null}
          min={field.min ?? 0}
          max={field.max ?? Number.MAX_SAFE_INTEGER}
          step={field.step ?? 1}
          placeholder={field.placeholder ?? ''}
          style={{ width: '100%' }}
          onChange={onChange}
        />
      );
    case 'switch':
      return <Switch {...common} size="small" checked={value === true} onChange={onChange} />;
    case 'choice':
      return (
        <Select
          {...common}
          value={(value ?? undefined) as string | number | undefined}
          allowClear={field.nullable ?? false}
          options={[...field.options]}
          onChange={(next: string | number | undefined) => onChange(next ?? null)}
        />
      );
    case 'words':
      return (
        <Select
          {...common}
          mode={field.options ? 'multiple' : 'tags'}
          value={(value ?? []) as string[]}
          options={[...(field.options ?? [])]}
          placeholder={field.placeholder}
          tokenSeparators={[',', ' ']}
          onChange={onChange}
        />
      );
    case 'lines':
      return (
        <AntInput.TextArea
          {...common}
          className="mono"
          value={((value ?? []) as string[]).join('\n')}
          placeholder={field.placeholder ?? ''}
          autoSize={{ minRows: 1, maxRows: 10 }}
          spellCheck={false}
          onChange={({ target }) => onChange(target.value === '' ? [] : target.value.split('\n'))}
        />
      );
    case 'part':
    case 'rows':
    case 'block':
      return null;
  }
}
