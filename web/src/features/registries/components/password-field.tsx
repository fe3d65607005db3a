'use client';

import { Input } from 'antd';
import type { ReactNode } from 'react';

/** A text that is written and never shown again. */
export function PasswordField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
}): ReactNode {
  return (
    <label>
      <span className="soft small" style={{ display: 'block', marginBottom: 6 }}>
        {label}
      </span>
      <Input.Password
        autoComplete="new-password"
        value={value}
        data-testid="registry.password"
        onChange={({ target }) => onChange(target.value)}
      />
    </label>
  );
}
