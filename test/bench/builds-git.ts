import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { GitRepository, GitServer } from '../testkit/git-server.ts';
import type { GitAnswer, GitRequest } from '../testkit/git-server-process.ts';

/**
 * A Git server in a process of its own: it starts a program for each request, for which the process that all the rest
 * is in would stand still, and with it the builder but not its rival.
 */
export function startGitProcess(): GitServer {
  const child = fork(join(import.meta.dirname, '../testkit/git-server-process.ts'), { execArgv: [] });
  const waiting = new Map<number, (answer: GitAnswer) => void>();
  let count = 0;
  child.on('message', (message) => {
    const answer = message as GitAnswer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const ask = async (request: Omit<GitRequest, 'id'>): Promise<GitAnswer['result']> => {
    const id = (count += 1);
    const answered = new Promise<GitAnswer>((resolve) => waiting.set(id, resolve));
    child.send({ id, ...request });
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(error);
    return result;
  };
  return {
    create: async (name, files) => {
      const made = (await ask({ name, files })) as Pick<GitRepository, 'url' | 'folder'>;
      return {
        ...made,
        push: async (message, changed) => (await ask({ name, files: changed, message })) as string,
      };
    },
    stop: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}
