'use client';

import { Button, Input, Select } from 'antd';
import type { AppFieldsFragment, ExplainRequestQuery } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../../components/api.ts';
import { ErrorNote, Note } from '../../../../components/note.tsx';
import { Panel } from '../../../../components/panel.tsx';
import { RecordForm } from '../../../../components/record-form/index.ts';
import type { FormRecord } from '../../../../components/record-form/index.ts';
import { useText } from '../../../../components/use-text.ts';
import { routeText } from '../text.ts';

type Explanation = ExplainRequestQuery['explainRequest'];
interface Question {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Shows which rule would take a request, and where it would go. */
export function ExplainPanel({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(routeText);
  const [method, setMethod] = useState('GET');
  const [url, setUrl] = useState(app.ports.find((port) => port.url)?.url ?? '');
  const [question, setQuestion] = useState<Question>({ headers: [] });
  const [answer, setAnswer] = useState<Explanation>();
  const { run, busy, error } = useAction(async () => {
    setAnswer(
      await api().routes.explain(
        app.team.id,
        { method, url, headers: [...question.headers] },
        app.dataCenter.name,
      ),
    );
  });
  return (
    <Panel title={t('explain')} hint={t('explainHint')} testId="explain">
      <div className="stack">
        <div className="row">
          <Select
            value={method}
            style={{ width: 110 }}
            aria-label={t('method')}
            options={methods.map((value) => ({ value }))}
            onChange={setMethod}
          />
          <Input
            className="mono"
            value={url}
            aria-label={t('url')}
            data-testid="explain-url"
            placeholder="https://shop.example.com/cart?x=1"
            onChange={({ target }) => setUrl(target.value)}
            onPressEnter={() => void run()}
          />
          <Button
            type="primary"
            loading={busy}
            disabled={!url}
            data-testid="explain-ask"
            onClick={() => void run()}
          >
            {t('ask')}
          </Button>
        </div>
        <RecordForm
          fields={[
            {
              kind: 'rows',
              key: 'headers',
              label: t('headers'),
              add: t('add'),
              empty: { name: '', value: '' },
              fields: [
                { kind: 'text', key: 'name', label: t('name'), mono: true },
                { kind: 'text', key: 'value', label: t('value'), mono: true },
              ],
            },
          ]}
          value={question as unknown as FormRecord}
          path="explain"
          onChange={(next) => setQuestion(next as unknown as Question)}
        />
        <ErrorNote error={error} title={t('notAsked')} />
        {answer && <Answer answer={answer} />}
      </div>
    </Panel>
  );
}

function Answer({ answer }: { readonly answer: Explanation }): ReactNode {
  const t = useText(routeText);
  const taken = answer.host !== null;
  return (
    <Note
      kind={taken ? 'info' : 'warning'}
      testId="explain-answer"
      title={taken ? `${answer.host}${answer.path ?? ''}` : t('noRoute')}
    >
      <ol style={{ paddingLeft: 18 }}>
        {answer.reasons.map((reason) => (
          <li key={reason} style={{ listStyle: 'decimal' }}>
            {reason}
          </li>
        ))}
      </ol>
      {answer.targets.length > 0 && (
        <ul style={{ marginTop: 8 }}>
          {answer.targets.map(({ app, service, port, percent, endpoints }) => (
            <li key={`${service}:${port}`}>
              {t('goesTo')} <strong>{app?.name ?? service}</strong>:{port} · {percent.toFixed(0)} % ·{' '}
              {t('endpoints', { n: endpoints })}
            </li>
          ))}
        </ul>
      )}
    </Note>
  );
}
