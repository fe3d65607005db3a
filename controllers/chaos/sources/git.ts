import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { run, type RunResult } from '@skyarc/lib/process';
import { GitCopy } from './git-copy.ts';
import { gitErrorOf } from './git-errors.ts';
import { keepKnownHosts, nobody, prepareRemote, type Remote, type RemoteOptions } from './remote.ts';
import type { Fetched, Revision, Source } from './source.ts';

export interface GitOptions extends RemoteOptions {
  readonly url: string;
  /** Branch, tag or whole commit id. */
  readonly branch: string;
  /** Which of them; absent: the first that is there, in this order. */
  readonly refKind?: 'BRANCH' | 'TAG' | 'COMMIT';
  readonly signal: AbortSignal;
}

const commitId = /^[0-9a-f]{40}$/;
const deepestSubmodule = 4;
/** What was fetched last. */
const fetchedRef = 'refs/skyarc/fetched';

/** A Git repository, fetched by the git program as nobody, one commit deep; with what was kept, only what is new. */
export class GitSource implements Source {
  private readonly options: GitOptions;
  private prepared: Promise<Remote> | undefined;
  /** The commit that came with the answer to what there is. */
  private broughtId: string | null = null;

  constructor(options: GitOptions) {
    this.options = options;
  }

  get description(): string {
    return `"${this.options.branch}" of ${this.options.url}`;
  }

  /** The commit that the branch is at, without fetching it. Throws NOT_FOUND with the branches there are. */
  async identify(keep?: string): Promise<Revision> {
    const brought = keep === undefined ? null : await this.bringBranch(keep);
    if (brought) return brought;
    const { branch, refKind } = this.options;
    const names = [
      ...(refKind === 'TAG' || refKind === 'COMMIT' ? [] : [`refs/heads/${branch}`]),
      ...(refKind === 'BRANCH' || refKind === 'COMMIT'
        ? []
        : [`refs/tags/${branch}^{}`, `refs/tags/${branch}`]),
    ];
    // A commit cannot be asked for without fetching it; the address is tried all the same.
    const refs = await this.listRefs(names.length > 0 ? names : ['HEAD']);
    await keepKnownHosts(this.options);
    const ref = names.find((name) => refs.has(name));
    if (ref) return { id: refs.get(ref) as string, ref: ref.replace('^{}', '') };
    if (commitId.test(branch) && (refKind ?? 'COMMIT') === 'COMMIT') return { id: branch, ref: branch };
    throw await this.unknownRef();
  }

  /** Asks and fetches in one, into what was kept of the address. Null when that does not do: then it is asked first. */
  private async bringBranch(keep: string): Promise<Revision | null> {
    const { url, branch, refKind, folder, signal } = this.options;
    if (refKind === 'TAG' || refKind === 'COMMIT' || commitId.test(branch)) return null;
    const copy = await GitCopy.open({ url, folder, keep, owner: nobody });
    if (!(await copy.isThere())) return null;
    const ref = `refs/heads/${branch}`;
    try {
      await this.fetchInto(copy, await this.remote(), ['--depth=1'], `+${ref}:${fetchedRef}`);
    } catch (error) {
      if (signal.aborted) throw error;
      return null;
    }
    await keepKnownHosts(this.options);
    const id = await copy.read(fetchedRef);
    if (!commitId.test(id)) return null;
    this.broughtId = id;
    return { id, ref };
  }

  private async unknownRef(): Promise<AppError> {
    const { branch, refKind, url } = this.options;
    const prefix = refKind === 'TAG' ? 'refs/tags/' : 'refs/heads/';
    const names = [...(await this.listRefs([`${prefix}*`])).keys()]
      .filter((name) => !name.endsWith('^{}'))
      .map((name) => name.slice(prefix.length));
    const some = names.slice(0, 10).join(', ') + (names.length > 10 ? `, and ${names.length - 10} more` : '');
    const kind = refKind?.toLowerCase() ?? 'branch or tag';
    const nothing = refKind === 'TAG' ? `it has no tags` : 'the repository is empty';
    const has = names.length > 0 ? `it has no ${kind} "${branch}"; it has ${some}` : nothing;
    return new AppError('NOT_FOUND', `Cannot fetch ${url}: ${has}`);
  }

  async fetch(revision: Revision, folder: string, keep?: string): Promise<Fetched> {
    const remote = await this.remote();
    const { url } = this.options;
    const copy = await GitCopy.open({ url, folder, keep, owner: nobody });
    const fetched = await this.checkOut(remote, revision, copy);
    await this.fetchSubmodules(remote, copy, 1);
    await copy.close();
    return fetched;
  }

  private remote(): Promise<Remote> {
    this.prepared ??= prepareRemote(this.options.url, this.options);
    return this.prepared;
  }

  private async listRefs(patterns: readonly string[]): Promise<Map<string, string>> {
    const remote = await this.remote();
    const refs = new Map<string, string>();
    await this.git(remote, ['ls-remote', '--', remote.url, ...patterns], this.options.folder, (line) => {
      const [id = '', name = ''] = line.split('\t');
      if (commitId.test(id) && refs.size < 10_000) refs.set(name, id);
    });
    return refs;
  }

  private async checkOut(remote: Remote, revision: Revision, copy: GitCopy): Promise<Fetched> {
    try {
      return await this.checkOutFrom(remote, revision, copy);
    } catch (error) {
      const { code } = error as Partial<AppError>;
      if (!copy.isKept || (code !== 'INVALID' && code !== 'NOT_FOUND')) throw error;
      // What was kept may be what does not work: a killed fetch leaves locks.
      this.broughtId = null;
      await copy.renew();
      return this.checkOutFrom(remote, revision, copy);
    }
  }

  private async checkOutFrom(remote: Remote, revision: Revision, copy: GitCopy): Promise<Fetched> {
    const commit = await this.bring(remote, revision, copy);
    const format = '--format=%H%x00%an <%ae>%x00%ct%x00%B';
    const [log] = await Promise.all([
      this.git(remote, [...copy.repository, 'log', '-1', format, commit, '--'], copy.folder),
      this.git(remote, [...copy.whole, 'checkout', '--quiet', '--force', '--detach', commit], copy.folder),
    ]);
    const [id = '', author = '', time = '', message = ''] = log.stdout.split('\0');
    return { id, author, message: message.trim().slice(0, 2_000), timeSec: Number(time) };
  }

  /** Fetches what the copy lacks of a revision; answers by which name the copy has it then. */
  private async bring(remote: Remote, { id, ref }: Revision, copy: GitCopy): Promise<string> {
    await copy.make((args) => this.git(remote, args, this.options.folder));
    if (id === this.broughtId && remote.url === this.options.url) return fetchedRef;
    // By its id, a server that speaks protocol 2 does not list its branches once more.
    for (const wanted of new Set([id, ref])) {
      try {
        await this.fetchInto(copy, remote, ['--depth=1'], `+${wanted}:${fetchedRef}`);
        return fetchedRef;
      } catch (error) {
        if ((error as AppError).code !== 'NOT_FOUND' || (wanted === ref && !commitId.test(ref))) throw error;
      }
    }
    // Some servers give a commit only as part of a branch.
    await copy.renew();
    await copy.make((args) => this.git(remote, args, this.options.folder));
    await this.fetchInto(copy, remote, [], '+refs/heads/*:refs/remotes/origin/*');
    return ref;
  }

  private async fetchInto(
    copy: GitCopy,
    remote: Remote,
    options: readonly string[],
    refspec: string,
  ): Promise<void> {
    const quick = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance'];
    const args = ['fetch', ...quick, ...options, '--', remote.url, refspec];
    await this.git(remote, [...copy.repository, ...args], this.options.folder);
  }

  /** Each by its own guarded address; credentials go along to the same host only. */
  private async fetchSubmodules(parent: Remote, copy: GitCopy, depth: number): Promise<void> {
    const { folder } = copy;
    if ((await lstat(join(folder, '.gitmodules')).catch(() => null)) === null) return;
    const list = ['config', '--file', '.gitmodules', '--get-regexp', '^submodule\\..*\\.(path|url)$'];
    const config = await this.tryGit(parent, list, folder);
    if (config.code !== 0) return;
    if (depth > deepestSubmodule)
      throw new AppError('INVALID', 'Cannot fetch the source: submodules nest too deep');
    for (const [path, url] of parseModules(config.stdout)) {
      const tree = await this.git(parent, [...copy.repository, 'ls-tree', 'HEAD', '--', path], folder);
      const commit = /^160000 commit ([0-9a-f]{40})\t/.exec(tree.stdout)?.[1];
      if (!commit) continue;
      const address = /^\.\.?\//.test(url) ? resolveRelative(parent.url, url) : url;
      try {
        const remote = await prepareRemote(address, this.optionsFor(address, parent));
        const module = copy.below(address, await enterWithoutLinks(folder, path));
        await this.checkOut(remote, { id: commit, ref: commit }, module);
        await this.fetchSubmodules(remote, module, depth + 1);
      } catch (error) {
        if (!(error instanceof AppError) || this.options.signal.aborted) throw error;
        const message = `Cannot fetch submodule "${path}": ${error.message}`;
        throw new AppError(error.code, message, { cause: error });
      }
    }
  }

  private optionsFor(url: string, parent: Remote): RemoteOptions {
    const isSameHost = URL.canParse(url) && new URL(url).hostname === parent.host;
    return isSameHost ? this.options : { ...this.options, credentials: undefined };
  }

  private async git(
    remote: Remote,
    args: readonly string[],
    cwd: string,
    onLine?: (line: string) => void,
  ): Promise<RunResult> {
    const result = await this.tryGit(remote, args, cwd, onLine);
    if (result.code === 0) return result;
    const { branch } = this.options;
    throw gitErrorOf({
      url: remote.url,
      branch,
      hasCredentials: remote.hasCredentials,
      stderr: result.stderr,
    });
  }

  private async tryGit(
    remote: Remote,
    args: readonly string[],
    cwd: string,
    onLine?: (line: string) => void,
  ): Promise<RunResult> {
    const drop = [`--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, '--clear-groups', '--no-new-privs'];
    const { signal } = this.options;
    try {
      return await run('setpriv', [...drop, '--', 'git', ...args], {
        cwd,
        env: remote.env,
        signal,
        onLine: onLine && ((line, stream) => stream === 'stdout' && onLine(line)),
      });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }
}

function parseModules(text: string): [string, string][] {
  const modules = new Map<string, { path?: string; url?: string }>();
  for (const line of text.split('\n')) {
    const found = /^submodule\.(.*)\.(path|url) (.*)$/.exec(line);
    if (found)
      modules.set(found[1] as string, { ...modules.get(found[1] as string), [found[2] as string]: found[3] });
  }
  return [...modules.values()].flatMap(({ path, url }) =>
    path &&
    url &&
    !path.startsWith('/') &&
    !path.split('/').includes('..') &&
    !path.split('/').includes('.git')
      ? [[path, url] as [string, string]]
      : [],
  );
}

/** The folder of a submodule; no part of the way to it may be a link of the repository's. */
async function enterWithoutLinks(folder: string, path: string): Promise<string> {
  let at = folder;
  for (const part of path.split('/').filter((name) => name !== '' && name !== '.')) {
    at = join(at, part);
    const stats = await lstat(at).catch(() => null);
    if (stats === null) await mkdir(at);
    else if (!stats.isDirectory()) throw new AppError('INVALID', 'its path is not a folder');
  }
  return at;
}

/** gitsubmodules(7): `../other.git` is beside the parent repository. */
export function resolveRelative(parent: string, relative: string): string {
  const [, place = '', path = ''] =
    /^([^/@]+@[^:/]+:|[a-z]+:\/\/[^/]+\/)(.*)$/.exec(parent.replace(/\/+$/, '')) ?? [];
  const segments = path.split('/');
  for (const part of relative.split('/')) {
    if (part === '..') segments.pop();
    else if (part !== '.') segments.push(part);
  }
  return place + segments.join('/');
}
