'use client';

import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { commonText } from './common-text.ts';
import { useText } from './use-text.ts';

/** Puts the text on the clipboard and says so. */
export function CopyButton({ text, label }: { readonly text: string; readonly label?: string }): ReactNode {
  const t = useText(commonText);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_600);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Button
      size="small"
      // Copying is no change: it works in forms that are only to be read.
      disabled={false}
      type={label ? 'default' : 'text'}
      icon={copied ? <CheckOutlined style={{ color: 'var(--green)' }} /> : <CopyOutlined />}
      aria-label={copied ? t('copied') : t('copy')}
      title={copied ? t('copied') : t('copy')}
      onClick={() => void writeClipboard(text).then(() => setCopied(true))}
    >
      {label}
    </Button>
  );
}

// The clipboard API exists only in secure contexts; a console in a private network is often plain HTTP.
async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return await navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
