import { Button, Popconfirm } from 'antd';
import { DeadLettersDocument } from '@skyarc/sdk';
import type { DeadLetterPageFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { queueText } from '../text.ts';

type Letter = DeadLetterPageFieldsFragment['letters'][number];

interface DeadLettersProps {
  readonly dataCenter: string;
  readonly topic: string;
  /** Of the list behind. */
  readonly reload: () => Promise<void>;
}

/** The oldest dead letters of a topic: one by one or all of them given again or removed. */
export function DeadLetters({ dataCenter, topic, reload }: DeadLettersProps): ReactNode {
  const t = useText(queueText);
  const state = useQuery(DeadLettersDocument, { topic, first: 50 });
  const act = useAction(async (what: 'replay' | 'discard', sequences?: number[]) => {
    const { platform } = api();
    if (what === 'replay') await platform.replayDeadLetters(dataCenter, topic, sequences);
    else await platform.discardDeadLetters(dataCenter, topic, sequences);
    await Promise.all([state.reload(), reload()]);
    return true;
  });
  const all = (['replay', 'discard'] as const).map((what) => (
    <Popconfirm
      key={what}
      title={t(what === 'replay' ? 'confirmReplay' : 'confirmDiscard')}
      onConfirm={() => void act.run(what)}
    >
      <Button size="small" danger={what === 'discard'} loading={act.busy} data-testid={`${what}-all`}>
        {t(what === 'replay' ? 'replayAll' : 'discardAll')}
      </Button>
    </Popconfirm>
  ));
  return (
    <Loaded state={state} rows={4}>
      {({ dataCenters }) => {
        const page = dataCenters.find(({ name }) => name === dataCenter)?.deadLetters;
        if (!page || page.letters.length === 0) return <Empty title={t('noneDead')} />;
        return (
          <div className="stack">
            <ErrorNote error={act.error} />
            <Letters
              letters={page.letters}
              busy={act.busy}
              onAct={(what, { sequence }) => void act.run(what, [sequence])}
            />
            {page.more && <p className="faint small">{t('more')}</p>}
            <div className="row">{all}</div>
          </div>
        );
      }}
    </Loaded>
  );
}

interface LettersProps {
  readonly letters: readonly Letter[];
  readonly busy: boolean;
  readonly onAct: (what: 'replay' | 'discard', letter: Letter) => void;
}

function Letters({ letters, busy, onAct }: LettersProps): ReactNode {
  const t = useText(queueText);
  return (
    <DataList
      label={t('dead')}
      items={letters}
      keyOf={({ sequence }) => String(sequence)}
      columns={[
        {
          key: 'message',
          title: t('message'),
          render: ({ messageId, body }) => (
            <div style={{ maxWidth: 300, overflowWrap: 'anywhere' }}>
              <strong>{messageId}</strong>
              <div className="faint small mono">{body.slice(0, 160)}</div>
            </div>
          ),
        },
        {
          key: 'reason',
          title: t('reason'),
          render: ({ reason, group, attempts }) => (
            <div style={{ maxWidth: 260, overflowWrap: 'anywhere' }}>
              {reason}
              <div className="faint small">
                {group} · {t('attempts', { n: attempts })}
              </div>
            </div>
          ),
        },
        { key: 'died', title: t('died'), render: ({ diedAt }) => <RelativeTime at={diedAt} /> },
        {
          key: 'act',
          title: '',
          align: 'right',
          render: (letter) => (
            <span className="row">
              <Button
                size="small"
                disabled={busy}
                data-testid={`replay-${letter.sequence}`}
                onClick={() => onAct('replay', letter)}
              >
                {t('replay')}
              </Button>
              <Button
                size="small"
                danger
                disabled={busy}
                data-testid={`discard-${letter.sequence}`}
                onClick={() => onAct('discard', letter)}
              >
                {t('discard')}
              </Button>
            </span>
          ),
        },
      ]}
    />
  );
}
