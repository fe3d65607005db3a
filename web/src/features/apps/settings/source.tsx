import type { AppFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { GitFields, SshKey } from '../create/source-fields.tsx';
import { ImageFields, SvnFields, UploadFields } from '../create/source-kinds.tsx';
import { settingsText } from '../settings-text.ts';
import { type SourceFields, sourceInputOf } from '../source-input.ts';
import { Section } from './section.tsx';

const choices = { GIT: 'git', IMAGE: 'image', SVN: 'svn', UPLOAD: 'upload' } as const;

/** Where the app comes from; a template and an external app have nothing to change there. */
export function Source({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { kind, url, branch, subdirectory, image, revision, uploadId, fileName, hasCredentials } = app.source;
  if (!isChoice(kind)) return null;
  return (
    <Section<SourceFields>
      app={app}
      title={t('sourceTitle')}
      hint={t('sourceHint')}
      testId="source-save"
      initial={{
        ...(kind === 'SVN'
          ? { svnUrl: url ?? '', svnBranch: branch ?? '' }
          : { url: url ?? '', branch: branch ?? '' }),
        revision,
        subdirectory: subdirectory ?? '',
        image: image ?? '',
        uploadId: uploadId ?? undefined,
      }}
      inputOf={(fields) => ({ source: sourceInputOf(choices[kind], fields) })}
    >
      {kind === 'GIT' && (
        <>
          <GitFields stored={hasCredentials} />
          <div style={{ margin: '16px 0 12px' }}>
            <SshKey teamName={app.team.name} dataCenter={app.dataCenter.name} />
          </div>
        </>
      )}
      {kind === 'IMAGE' && <ImageFields />}
      {kind === 'SVN' && <SvnFields />}
      {kind === 'UPLOAD' && (
        <>
          <p className="soft small" style={{ marginBottom: 10 }}>
            {fileName}
          </p>
          <UploadFields />
        </>
      )}
    </Section>
  );
}

function isChoice(kind: string): kind is keyof typeof choices {
  return Object.hasOwn(choices, kind);
}
