import { type GitRepository, startGitServer } from './git-server.ts';

/** What the process is asked: a repository to make, or a commit to push to one that it made. */
export interface GitRequest {
  readonly id: number;
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** Of a commit; absent: the repository is made. */
  readonly message?: string;
}

export interface GitAnswer {
  readonly id: number;
  readonly result?: string | Pick<GitRepository, 'url' | 'folder'>;
  readonly error?: string;
}

const starting = startGitServer();
const repositories = new Map<string, GitRepository>();

async function serve({ name, files, message }: GitRequest): Promise<GitAnswer['result']> {
  if (message !== undefined) return (repositories.get(name) as GitRepository).push(message, files);
  const made = await (await starting).create(name, files);
  repositories.set(name, made);
  return { url: made.url, folder: made.folder };
}

process.on('message', (message) => {
  const request = message as GitRequest;
  const answer = (rest: Omit<GitAnswer, 'id'>) => process.send?.({ id: request.id, ...rest });
  serve(request).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ error: String(error) }),
  );
});
process.once('disconnect', () => void starting.then((server) => server.stop()));
