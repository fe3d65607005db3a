import type { AppSource, WebhookFilter } from '@skyarc/lib/contracts';
import type { ImageNotice, Notice, PushNotice } from './formats/index.ts';
import { anyFits } from './globs.ts';

export interface Decision {
  readonly outcome: 'DEPLOY' | 'IGNORED' | 'PING';
  /** Why it is not meant for the app, or what is deployed, in one sentence. */
  readonly message: string;
}

const ignored = (message: string): Decision => ({ outcome: 'IGNORED', message });

/** Whether a notice is meant for an app; pure. */
export function decide(notice: Notice, source: AppSource, filter: WebhookFilter): Decision {
  if (notice.kind === 'PING') return { outcome: 'PING', message: 'The sender and its secret are fine' };
  if (notice.kind === 'OTHER') return ignored(`Event "${notice.event}": ${notice.why}`);
  if (source.kind === 'EXTERNAL') return ignored('Of a service outside nothing is built');
  return notice.kind === 'IMAGE' ? decideImage(notice, source) : decidePush(notice, source, filter);
}

function decidePush(push: PushNotice, source: AppSource, filter: WebhookFilter): Decision {
  const own = source.kind === 'GIT' || source.kind === 'SVN' ? source.branch : null;
  const { branch } = push;
  if (branch !== null && filter.branches.length > 0) {
    if (!anyFits(filter.branches, [branch]))
      return ignored(`"${branch}" fits none of the branches ${filter.branches.join(', ')}`);
  } else if (branch !== null && own !== null && branch !== own) {
    return ignored(`The app is built from "${own}", not from "${branch}"`);
  }
  if (push.isTag && filter.branches.length === 0 && !(source.kind === 'GIT' && source.refKind === 'TAG'))
    return ignored(`"${branch}" is a tag; the app is built from a branch`);
  if (filter.skipMarkers && push.message && skipMarker.test(push.message))
    return ignored('The commit asks to be skipped');
  if (filter.paths.length > 0 && push.paths && !anyFits(filter.paths, push.paths))
    return ignored(`None of the ${push.paths.length} changed files fits the paths`);
  return { outcome: 'DEPLOY', message: `Push${branch === null ? '' : ` to ${branch}`}` };
}

const skipMarker = /\[(skip[ -](ci|deploy|actions|skyarc)|(ci|deploy)[ -]skip|no[ -]ci)\]/i;

function decideImage({ images }: ImageNotice, source: AppSource): Decision {
  if (source.kind !== 'IMAGE') return ignored('The app is not made of an image');
  const own = parseReference(source.image);
  const isOwn = images.some(({ repository, tag }) => {
    const name = repository.replace(/^library\//, '');
    return name === own.repository && (tag === null || tag === own.tag);
  });
  const pushed = images.map(({ repository, tag }) => (tag ? `${repository}:${tag}` : repository)).join(', ');
  if (!isOwn) return ignored(`${pushed} was pushed; the app is made of ${source.image}`);
  if (source.image.includes('@')) return ignored('The app is pinned to a digest');
  return { outcome: 'DEPLOY', message: `Push of ${pushed}` };
}

/** Repository without registry and `library/`, and tag (`latest` when none is said). */
function parseReference(reference: string): { repository: string; tag: string } {
  const [name = ''] = reference.split('@', 1);
  const parts = name.split('/');
  const first = parts[0] ?? '';
  if (parts.length > 1 && (first.includes('.') || first.includes(':') || first === 'localhost'))
    parts.shift();
  if (parts.length > 1 && parts[0] === 'library') parts.shift();
  const last = (parts.pop() ?? '').split(':');
  return { repository: [...parts, last[0] ?? ''].join('/'), tag: last[1] ?? 'latest' };
}
