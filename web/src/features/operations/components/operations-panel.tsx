'use client';

import { Badge, Button, Drawer } from 'antd';
import type { ReactNode } from 'react';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../hooks/use-operations.tsx';
import { operationText } from '../text.ts';
import { OperationItem } from './operation-item.tsx';
import styles from './operations.module.css';
import { StatusGlyph } from './status-glyph.tsx';

/** Opens the panel; counts what is running. */
export function OperationsButton(): ReactNode {
  const t = useText(operationText);
  const { active, setPanelOpen } = useOperations();
  return (
    <Badge count={active.length} size="small" color="#c77d17">
      <Button
        data-testid="operations-button"
        aria-label={t('open', { n: active.length })}
        icon={<StatusGlyph status={active.length > 0 ? 'RUNNING' : 'SUCCEEDED'} />}
        onClick={() => setPanelOpen(true)}
      >
        {t('operations')}
      </Button>
    </Badge>
  );
}

/** What runs now and what ran before, over every page. */
export function OperationsPanel(): ReactNode {
  const t = useText(operationText);
  const { operations, active, state, panelOpen, setPanelOpen } = useOperations();
  const ended = operations.filter((operation) => !active.includes(operation));
  const close = (): void => setPanelOpen(false);
  return (
    <Drawer
      open={panelOpen}
      onClose={close}
      title={t('operations')}
      size={460}
      styles={{ body: { padding: 0 } }}
      data-testid="operations-panel"
    >
      <h3 className={styles['section']}>{t('running')}</h3>
      {active.length === 0 ? (
        <p className="soft small" style={{ padding: '2px 16px 12px' }}>
          <strong style={{ fontWeight: 560 }}>{t('nothingRunning')}</strong>
          <br />
          {t('nothingRunningHelp')}
        </p>
      ) : (
        <ul>
          {active.map((operation) => (
            <OperationItem key={operation.id} operation={operation} onNavigate={close} />
          ))}
        </ul>
      )}
      <h3 className={styles['section']}>{t('history')}</h3>
      <Loaded state={state} rows={8}>
        {() =>
          ended.length === 0 ? (
            <Empty title={t('noHistory')} />
          ) : (
            <ul>
              {ended.map((operation) => (
                <OperationItem key={operation.id} operation={operation} onNavigate={close} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Drawer>
  );
}
