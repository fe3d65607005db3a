'use client';

import { Button, Input, Select } from 'antd';
import type { ImportInput } from '@skyarc/sdk';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { type Field, RecordForm } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { parseEnvFile } from '../env-file.ts';
import { wizardText } from '../wizard-text.ts';
import { type Choices, DraftTable } from './draft-table.tsx';
import { Beside, type NamedFile, TextDrop } from './dropped-files.tsx';
import { NoteList } from './note-list.tsx';
import { importText } from './text.ts';

export interface ImportWizardProps {
  readonly kind: keyof typeof inputs;
  readonly groups: readonly { readonly id: string; readonly name: string }[];
  readonly groupId: string | undefined;
  readonly dataCenters: readonly { readonly name: string; readonly displayName: string }[];
}

interface Git {
  readonly url: string;
  readonly branch: string;
  readonly subdirectory: string;
}

/** Where each kind of text goes. */
const inputs = { compose: 'compose', dockerRun: 'dockerRun', templateFile: 'template' } as const;
const titles = { compose: 'composeText', dockerRun: 'dockerText', templateFile: 'templateText' } as const;
const helps = { compose: 'composeHelp', dockerRun: 'dockerHelp', templateFile: 'templateHelp' } as const;
const mainFiles = {
  compose: /(compose|stack).*\.ya?ml$/i,
  dockerRun: null,
  templateFile: /\.(ya?ml|json)$/i,
};
const placeholders = {
  compose: 'services:\n  web:\n    image: nginx:1.27\n    ports: ["8080:80"]\n',
  dockerRun: 'docker run -d --name web -p 8080:80 nginx:1.27',
  templateFile:
    'skyarc: template/1\napps:\n  - name: web\n    source: { image: { reference: nginx:1.27 } }\n',
};
const maxFileBytes = 1 << 20;

/** From a template, a Compose file or a docker run line to apps: text, preview with answers, all apps or none. */
export function ImportWizard({ kind, groups, groupId: first, dataCenters }: ImportWizardProps): ReactNode {
  const t = useText(importText);
  const wizard = useText(wizardText);
  const router = useRouter();
  const { add } = useOperations();
  const area = useRef<HTMLDivElement>(null);
  const [text, setText] = useState('');
  const [files, setFiles] = useState<readonly NamedFile[]>([]);
  const [variables, setVariables] = useState('');
  const [profiles, setProfiles] = useState<readonly string[]>([]);
  const [git, setGit] = useState<Git>();
  const [groupId, setGroupId] = useState(first);
  const [dataCenter, setDataCenter] = useState(dataCenters[0]?.name);
  const [choices, setChoices] = useState<Choices>({});
  const [tooLarge, setTooLarge] = useState<string>();

  const input: ImportInput = {
    groupId: groupId ?? '',
    ...(dataCenters.length > 1 && dataCenter && { dataCenter }),
    [inputs[kind]]: text,
    files: files.map((file) => ({ ...file })),
    variables: parseEnvFile(variables).entries.map(({ name, value }) => ({ name, value })),
    profiles: [...profiles],
    ...(git?.url && {
      source: {
        git: {
          url: git.url,
          branch: git.branch,
          ...(git.subdirectory && { subdirectory: git.subdirectory }),
        },
      },
    }),
  };
  const asked = JSON.stringify(input);
  const [shown, setShown] = useState<{ asked: string; preview: Awaited<ReturnType<typeof look>> }>();
  const look = () => api().imports.preview(input);
  const preview = useAction(async () => setShown({ asked, preview: await look() }));
  const create = useAction(async (deploy: boolean) => {
    const made = await api().imports.create(input, { choices: Object.values(choices), deploy });
    for (const operation of made.operations) add(operation);
    const [only] = made.apps;
    router.push(made.apps.length === 1 && only ? `/app?id=${only.id}` : `/group?id=${input.groupId}`);
  });

  const take = async (list: FileList): Promise<void> => {
    setTooLarge(undefined);
    for (const one of list) {
      if (one.size > maxFileBytes) {
        setTooLarge(one.name);
        continue;
      }
      const content = await one.text();
      const isMain = mainFiles[kind]?.test(one.name) === true;
      if (isMain) setText(content);
      else
        setFiles((before) => [
          ...before.filter(({ path }) => path !== one.name),
          { path: one.name, content },
        ]);
    }
  };
  const goTo = (line: number): void => {
    const box = area.current?.querySelector('textarea');
    if (!box) return;
    const lines = text.split('\n');
    const from = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
    box.focus();
    box.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  };
  const composeFields: readonly Field[] = [
    { kind: 'words', key: 'profiles', label: t('profiles') },
    {
      kind: 'part',
      key: 'git',
      label: t('build'),
      help: t('buildGit'),
      empty: { url: '', branch: 'main', subdirectory: '' },
      fields: [
        { kind: 'text', key: 'url', label: wizard('gitUrl'), mono: true },
        { kind: 'text', key: 'branch', label: wizard('branch'), mono: true },
        { kind: 'text', key: 'subdirectory', label: wizard('subdirectory'), mono: true },
      ],
    },
  ];
  const result = shown?.preview;
  const answer = useRef<HTMLDivElement>(null);
  // The preview is below what was typed.
  useEffect(() => {
    if (result) answer.current?.scrollIntoView({ block: 'start', behavior: 'smooth' });
  }, [result]);
  const isCurrent = shown?.asked === asked;
  return (
    <div className="stack">
      <Panel title={t(titles[kind])}>
        <p className="soft small" style={{ marginBottom: 10 }}>
          {t(helps[kind])}
        </p>
        <TextDrop boxRef={area} onFiles={take}>
          <Input.TextArea
            className="mono"
            spellCheck={false}
            autoSize={{ minRows: kind === 'dockerRun' ? 3 : 12, maxRows: 28 }}
            placeholder={placeholders[kind]}
            value={text}
            aria-label={t(titles[kind])}
            data-testid="import-text"
            onChange={({ target }) => setText(target.value)}
          />
        </TextDrop>
        {tooLarge && <Note kind="warning">{t('tooLarge', { name: tooLarge })}</Note>}
        <Beside
          files={files}
          help={kind === 'templateFile' ? '' : t('filesHelp')}
          onFiles={setFiles}
          onTake={take}
        />
        {kind !== 'dockerRun' && (
          <RecordForm
            path="import"
            value={{ variables, profiles, git: git ?? null }}
            onChange={(next) => {
              setVariables((next['variables'] as string | null) ?? '');
              setProfiles((next['profiles'] as string[] | null) ?? []);
              setGit((next['git'] as Git | null) ?? undefined);
            }}
            fields={[
              { kind: 'area', key: 'variables', label: t('variables'), help: t('variablesHelp') },
              ...(kind === 'compose' ? composeFields : []),
            ]}
          />
        )}
        <div className="row wrap" style={{ marginTop: 16, gap: 12 }}>
          <label className="row">
            {wizard('group')}
            <Select
              style={{ minWidth: 160 }}
              value={groupId}
              options={groups.map(({ id, name }) => ({ value: id, label: name }))}
              onChange={setGroupId}
            />
          </label>
          {dataCenters.length > 1 && (
            <label className="row">
              {wizard('dataCenter')}
              <Select
                style={{ minWidth: 160 }}
                value={dataCenter}
                options={dataCenters.map(({ name, displayName }) => ({ value: name, label: displayName }))}
                onChange={setDataCenter}
              />
            </label>
          )}
          <Button
            type={isCurrent ? 'default' : 'primary'}
            loading={preview.busy}
            disabled={text.trim() === '' || !groupId}
            data-testid="import-preview"
            onClick={() => void preview.run()}
          >
            {t('preview')}
          </Button>
        </div>
      </Panel>
      <ErrorNote error={preview.error} title={t('notRead')} />
      {result && (
        <div ref={answer} className="stack" style={{ scrollMarginTop: 16 }}>
          {result.apps.length > 0 && (
            <Panel flush title={t(result.ready ? 'ready' : 'described', { n: result.apps.length })}>
              <DraftTable drafts={result.apps} choices={choices} onChange={setChoices} />
            </Panel>
          )}
          <Panel title={t('notes')}>
            <NoteList notes={result.notes} onLine={goTo} />
          </Panel>
          {!result.ready && <Note kind="warning">{t('notReady')}</Note>}
          <ErrorNote error={create.error} title={t('notCreated')} />
          <div className="row wrap">
            <Button
              type="primary"
              size="large"
              disabled={!result.ready || !isCurrent}
              loading={create.busy}
              data-testid="import-create"
              onClick={() => void create.run(true)}
            >
              {t('create')}
            </Button>
            <Button
              type="text"
              size="large"
              disabled={!result.ready || !isCurrent || create.busy}
              onClick={() => void create.run(false)}
            >
              {t('createOnly')}
            </Button>
          </div>
        </div>
      )}
    </div>
  );
}
