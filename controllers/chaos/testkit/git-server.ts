import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '@skyarc/lib/process';

export interface GitServer {
  readonly url: string;
  /** Folder of the bare repositories. */
  readonly root: string;
  /** Commits files to a repository's branch, made when it is not there; answers the commit id. */
  commit(repository: string, files: Readonly<Record<string, string>>, branch?: string): Promise<string>;
  stop(): Promise<void>;
}

/** Smart HTTP by git's own backend; repositories below `private/` need user and password. */
export async function startGitServer(
  port: number,
  login = { username: 'ann', password: 's3cret-token' },
): Promise<GitServer> {
  const root = await mkdtemp(join(tmpdir(), 'skyarc-git-'));
  const expected = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname.startsWith('/moved/')) {
      response.writeHead(301, { location: `/open/${url.pathname.slice(7)}${url.search}` }).end();
      return;
    }
    if (url.pathname.startsWith('/private/') && request.headers.authorization !== expected) {
      response
        .writeHead(request.headers.authorization ? 403 : 401, { 'www-authenticate': 'Basic realm="git"' })
        .end();
      return;
    }
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
    });
    request.pipe(backend.stdin);
    const chunks: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    backend.on('close', () => {
      const whole = Buffer.concat(chunks);
      const end = whole.indexOf('\r\n\r\n');
      const headers = whole.subarray(0, end).toString().split('\r\n');
      const pairs = headers.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]);
      const status = pairs.find(([name]) => name.toLowerCase() === 'status')?.[1];
      const rest = pairs.filter(([name]) => name && name.toLowerCase() !== 'status');
      response
        .writeHead(Number(status?.slice(0, 3) ?? 200), Object.fromEntries(rest))
        .end(whole.subarray(end + 4));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root,
    commit: (repository, files, branch = 'main') => commit(root, repository, files, branch),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function commit(
  root: string,
  repository: string,
  files: Readonly<Record<string, string>>,
  branch: string,
): Promise<string> {
  const bare = join(root, repository);
  const work = `${bare}.work`;
  const git = async (...args: string[]) => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: root, ...author };
    const { code, stdout, stderr } = await run('git', args, { env });
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  await mkdir(dirname(bare), { recursive: true });
  await git('init', '--quiet', '--bare', '--initial-branch=main', '--', bare);
  await git('init', '--quiet', `--initial-branch=${branch}`, '--', work);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(work, path)), { recursive: true });
    await writeFile(join(work, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  await git('-C', work, 'checkout', '--quiet', '-B', branch);
  await git('-C', work, 'add', '--all');
  await git('-C', work, 'commit', '--quiet', '--allow-empty', '--message', 'Change files');
  await git('-C', work, 'push', '--quiet', '--force', '--', bare, branch);
  return git('-C', work, 'rev-parse', 'HEAD');
}

const author = {
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
};
