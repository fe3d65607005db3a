import type { AppSourceInput } from '@skyarc/sdk';

/** Kinds of sources that one app is made of. */
export type SourceChoice = 'git' | 'svn' | 'upload' | 'image' | 'template' | 'external';

/** What the forms of all kinds have; only those of the chosen kind are filled in. */
export interface SourceFields {
  readonly url?: string;
  readonly branch?: string;
  readonly svnUrl?: string;
  readonly svnBranch?: string;
  readonly revision?: number | null;
  readonly uploadId?: string;
  readonly image?: string;
  readonly subdirectory?: string;
  readonly username?: string;
  readonly password?: string;
  readonly template?: string;
  /** One `host:port` a line. */
  readonly endpoints?: string;
}

/** The source as the API takes it. */
export function sourceInputOf(kind: SourceChoice, fields: SourceFields): AppSourceInput {
  const { subdirectory, username, password } = fields;
  const folder = subdirectory === undefined ? {} : { subdirectory };
  const login = { ...(username && { username }), ...(password && { password }) };
  switch (kind) {
    case 'git':
      return {
        git: { url: fields.url?.trim() ?? '', branch: fields.branch?.trim() ?? '', ...folder, ...login },
      };
    case 'svn': {
      const { svnUrl = '', svnBranch = '', revision } = fields;
      return {
        svn: {
          url: svnUrl.trim(),
          branch: svnBranch.trim(),
          ...(revision && { revision }),
          ...folder,
          ...login,
        },
      };
    }
    case 'upload':
      return { upload: { id: fields.uploadId ?? '', ...folder } };
    case 'image':
      return { image: { reference: fields.image?.trim() ?? '' } };
    case 'template':
      return { template: fields.template };
    case 'external':
      return { external: { endpoints: endpointsOf(fields.endpoints ?? '') } };
  }
}

/** `host:port` lines; what is no port becomes 0, which the API names. */
function endpointsOf(text: string): { host: string; port: number }[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, host = line, port = '0'] = /^(.*):(\d+)$/.exec(line) ?? [];
      return { host, port: Number(port) };
    });
}

/** A name for an app, of an image or a file. */
export function nameFromFile(text: string): string {
  const base = text.split('@')[0]?.split('/').at(-1)?.split(':')[0] ?? '';
  return base
    .replace(/\.(tar\.gz|tgz|zip|tar|jar|war)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40);
}
