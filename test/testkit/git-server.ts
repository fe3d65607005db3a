import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '@skyarc/lib/process';

export interface GitServer {
  /** Makes a repository with one commit on `main`; the files are path -> content. */
  create(name: string, files: Readonly<Record<string, string>>): Promise<GitRepository>;
  stop(): Promise<void>;
}

export interface GitRepository {
  readonly url: string;
  /** The bare repository on this machine. */
  readonly folder: string;
  /** Commits changed files on `main` and pushes; answers the commit id. */
  push(message: string, files: Readonly<Record<string, string>>): Promise<string>;
}

export interface GitServerOptions {
  /** Only this user and password may read; everybody when absent. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

const identity = [
  '-c',
  'user.name=Ann',
  '-c',
  'user.email=ann@example.test',
  '-c',
  'init.defaultBranch=main',
];

/** A real Git server on loopback: git's own smart HTTP program behind a small listener. */
export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-git-'));
  const server = createServer((request, response) => serve(folder, options, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    create: (name, files) => createRepository(folder, `http://127.0.0.1:${port}/${name}.git`, name, files),
    stop: async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await rm(folder, { recursive: true });
    },
  };
}

async function createRepository(
  folder: string,
  url: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<GitRepository> {
  const work = join(folder, `${name}.work`);
  // A test that is tried again begins anew.
  for (const old of [work, join(folder, `${name}.git`)]) await rm(old, { recursive: true, force: true });
  await git(folder, 'init', '--quiet', '--bare', `${name}.git`);
  await git(folder, 'init', '--quiet', work);
  await git(work, 'remote', 'add', 'origin', join(folder, `${name}.git`));
  const push = async (message: string, changed: Readonly<Record<string, string>>): Promise<string> => {
    for (const [path, content] of Object.entries(changed)) {
      await mkdir(dirname(join(work, path)), { recursive: true });
      await writeFile(join(work, path), content);
    }
    await git(work, 'add', '--all');
    await git(work, 'commit', '--quiet', '--message', message);
    await git(work, 'push', '--quiet', 'origin', 'main');
    return (await git(work, 'rev-parse', 'HEAD')).trim();
  };
  await push('First commit', files);
  return { url, folder: join(folder, `${name}.git`), push };
}

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('git', [...identity, ...args], { cwd });
  if (code !== 0) throw new Error(`git ${args.join(' ')} failed: ${stderr}`);
  return stdout;
}

/** CGI (RFC 3875) to git-http-backend(1). */
function serve(
  folder: string,
  options: GitServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (!isAllowed(options, request)) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
    return;
  }
  const { pathname, search } = new URL(request.url ?? '/', 'http://git');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
  });
  request.pipe(child.stdin).on('error', () => undefined);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.once('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    const headers = output
      .subarray(0, Math.max(0, end))
      .toString()
      .split('\r\n')
      .map((line) => line.split(': '));
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200';
    response.writeHead(
      Number.parseInt(status, 10),
      Object.fromEntries(headers.filter(([name]) => name && name !== 'Status')),
    );
    response.end(output.subarray(end + 4));
  });
}

function isAllowed({ credentials }: GitServerOptions, request: IncomingMessage): boolean {
  if (!credentials) return true;
  const wanted = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  return request.headers.authorization === `Basic ${wanted}`;
}
