'use client';

import { Button, Drawer, Segmented } from 'antd';
import { TeamCertificatesDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, RouteFieldsFragment, RouteInput, SkyarcError } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../../components/api.ts';
import { ErrorNote } from '../../../../components/note.tsx';
import { RecordForm } from '../../../../components/record-form/index.ts';
import type { FormRecord } from '../../../../components/record-form/index.ts';
import { useText } from '../../../../components/use-text.ts';
import { TeamVolumesDocument } from '../../../../generated/operations.ts';
import { useTeam } from '../../../teams/index.ts';
import {
  basicAuthFields,
  forwardingFields,
  matchingFields,
  placeFields,
  protectionFields,
} from '../fields/index.ts';
import type { RouteChoices } from '../fields/index.ts';
import { inputOf, newRoute } from '../route-input.ts';
import { routeText } from '../text.ts';

export interface RouteEditorProps {
  readonly app: AppFieldsFragment;
  /** Null makes a new one. */
  readonly route: RouteFieldsFragment | null;
  readonly busy: boolean;
  readonly error: SkyarcError | undefined;
  readonly onSave: (input: RouteInput) => void;
  readonly onClose: () => void;
}

type Part = 'general' | 'forwarding' | 'protection';

/** Everything about one route, in three parts. */
export function RouteEditor({ app, route, busy, error, onSave, onClose }: RouteEditorProps): ReactNode {
  const t = useText(routeText);
  const { mayDevelop } = useTeam();
  const choices = useChoices(app);
  const [part, setPart] = useState<Part>('general');
  const [input, setInput] = useState<RouteInput>(() =>
    route ? inputOf(route) : newRoute(choices.ports[0] ?? 80),
  );
  const policy = (input.policy ?? {}) as FormRecord;
  const setPolicy = (next: FormRecord): void => setInput({ ...input, policy: next });
  const setRecord = (next: FormRecord): void => setInput(next as unknown as RouteInput);
  const common = { disabled: !mayDevelop || busy };
  const record = input as unknown as FormRecord;
  return (
    <Drawer
      open
      size={720}
      title={route ? `${route.host}${route.path}` : t('newRoute')}
      onClose={onClose}
      footer={
        <div className="row">
          <Button
            type="primary"
            loading={busy}
            disabled={!mayDevelop || !input.host}
            data-testid="route-save"
            onClick={() => onSave(input)}
          >
            {t('save')}
          </Button>
          <Button onClick={onClose}>{t('cancel')}</Button>
          <div className="grow">
            <ErrorNote error={error} title={t('notSaved')} />
          </div>
        </div>
      }
    >
      <div className="stack">
        <Segmented<Part>
          value={part}
          onChange={setPart}
          options={(['general', 'forwarding', 'protection'] as const).map((value) => ({
            value,
            label: <span data-testid={`route-${value}`}>{t(value)}</span>,
          }))}
        />
        {part === 'general' && (
          <>
            <RecordForm
              {...common}
              fields={placeFields(t, choices)}
              value={record}
              path="route"
              onChange={setRecord}
            />
            <RecordForm
              {...common}
              fields={matchingFields(t, choices)}
              value={policy}
              path="policy"
              onChange={setPolicy}
            />
          </>
        )}
        {part === 'forwarding' && (
          <RecordForm
            {...common}
            fields={forwardingFields(t)}
            value={policy}
            path="policy"
            onChange={setPolicy}
          />
        )}
        {part === 'protection' && (
          <>
            <RecordForm
              {...common}
              fields={protectionFields(t)}
              value={policy}
              path="policy"
              onChange={setPolicy}
            />
            <RecordForm
              {...common}
              fields={basicAuthFields(t)}
              value={record}
              path="route"
              onChange={setRecord}
            />
          </>
        )}
      </div>
    </Drawer>
  );
}

function useChoices(app: AppFieldsFragment): RouteChoices {
  const { team } = useTeam();
  const apps = useQuery(TeamVolumesDocument, { name: team.name });
  const certificates = useQuery(TeamCertificatesDocument, { name: team.name });
  return {
    ports: app.ports
      .filter(({ protocol }) => protocol === 'HTTP' || protocol === 'GRPC')
      .map(({ port }) => port),
    apps: (apps.data?.team?.apps ?? []).map(({ id, name }) => ({ value: id, label: name })),
    certificates: (certificates.data?.team?.certificates ?? []).map(({ id, name }) => ({
      value: id,
      label: name,
    })),
  };
}
