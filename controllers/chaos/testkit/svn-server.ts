import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { Daemon, run } from '@skyarc/lib/process';

export interface SvnServer {
  /** `svn://127.0.0.1:<port>`; repositories below `private/` need the login. */
  readonly svnUrl: string;
  /** The same by Apache's mod_dav_svn; `/moved/` leads elsewhere. */
  readonly httpUrl: string;
  /** With a certificate that nobody knows. */
  readonly httpsUrl: string;
  /** Adds files below a path of a repository, made when it is not there; answers the revision. */
  commit(repository: string, path: string, files: Readonly<Record<string, string>>): Promise<number>;
  stop(): Promise<void>;
}

interface Ports {
  readonly svn: number;
  readonly http: number;
  readonly https: number;
}

const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', HOME: '/nonexistent' };

/** Real svnserve and Apache over the same repositories. */
export async function startSvnServer(
  ports: Ports,
  login = { username: 'ann', password: 's3cret-svn' },
): Promise<SvnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-svn-'));
  // Apache reads it as nobody.
  await chmod(folder, 0o755);
  const root = join(folder, 'repositories');
  await mkdir(join(root, 'open'), { recursive: true });
  await mkdir(join(root, 'private'), { recursive: true });
  await writeFile(join(folder, 'passwd'), `[users]\n${login.username} = ${login.password}\n`);
  const { stdout } = await must('openssl', ['passwd', '-apr1', login.password]);
  await writeFile(join(folder, 'htpasswd'), `${login.username}:${stdout.trim()}\n`);
  const authority = await CertificateAuthority.ensure(join(folder, 'ca'), 'nobody knows');
  const { cert, key } = await authority.issue({ commonName: 'svn', usage: 'server', names: ['127.0.0.1'] });
  await writeFile(join(folder, 'cert.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key);
  await writeFile(join(folder, 'apache.conf'), renderApache(folder, ports));
  const svnserve = new Daemon({
    name: 'svnserve',
    folder,
    command: 'svnserve',
    args: [
      '--daemon',
      '--foreground',
      '--listen-host=127.0.0.1',
      `--listen-port=${ports.svn}`,
      `--root=${root}`,
    ],
    ready: () => answers(ports.svn),
  });
  const apache = new Daemon({
    name: 'apache',
    folder,
    command: 'apache2',
    args: ['-X', '-d', folder, '-f', join(folder, 'apache.conf')],
    ready: () => answers(ports.http),
  });
  await Promise.all([svnserve.ensure(), apache.ensure()]);
  return {
    svnUrl: `svn://127.0.0.1:${ports.svn}`,
    httpUrl: `http://127.0.0.1:${ports.http}`,
    httpsUrl: `https://127.0.0.1:${ports.https}`,
    commit: (repository, path, files) => commit(folder, repository, path, files),
    stop: async () => {
      await Promise.all([svnserve.stop(), apache.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function commit(
  folder: string,
  repository: string,
  path: string,
  files: Readonly<Record<string, string>>,
): Promise<number> {
  const place = join(folder, 'repositories', repository);
  if ((await run('svnlook', ['youngest', place], { env })).code !== 0) {
    await must('svnadmin', ['create', place]);
    const isPrivate = repository.startsWith('private/');
    const config = ['[general]', `anon-access = ${isPrivate ? 'none' : 'read'}`, 'auth-access = read'];
    const text = [...config, `password-db = ${join(folder, 'passwd')}`, ''].join('\n');
    await writeFile(join(place, 'conf/svnserve.conf'), text);
    await must('chmod', ['-R', 'a+rwX', place]);
  }
  const work = await mkdtemp(join(folder, 'work-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(work, name)), { recursive: true });
    await writeFile(join(work, name), text);
  }
  const message = ['--username=ann', '--message=Change <files> & more', '--no-auto-props'];
  await must('svn', [
    'import',
    '--quiet',
    '--non-interactive',
    ...message,
    '--',
    work,
    `file://${place}/${path}`,
  ]);
  await must('chmod', ['-R', 'a+rwX', place]);
  return Number((await must('svnlook', ['youngest', place])).stdout);
}

async function must(command: string, args: readonly string[]) {
  const result = await run(command, args, { env });
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`);
  return result;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false)).once('connect', () => socket.destroy());
  });
}

function renderApache(folder: string, ports: Ports): string {
  const modules = 'mpm_event authn_core authn_file authz_core authz_user auth_basic dav dav_svn ssl alias';
  const load = modules
    .split(' ')
    .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  const repositories = join(folder, 'repositories');
  return [
    ...load,
    `Listen 127.0.0.1:${ports.http}`,
    `Listen 127.0.0.1:${ports.https}`,
    'ServerName 127.0.0.1',
    'User nobody',
    'Group nogroup',
    `PidFile ${folder}/httpd.pid`,
    `ErrorLog ${folder}/error.log`,
    'Redirect permanent /moved/ http://127.0.0.2/open/',
    `<VirtualHost 127.0.0.1:${ports.https}>`,
    'SSLEngine on',
    `SSLCertificateFile ${folder}/cert.pem`,
    `SSLCertificateKeyFile ${folder}/key.pem`,
    '</VirtualHost>',
    '<Location /open>',
    'DAV svn',
    `SVNParentPath ${repositories}/open`,
    '</Location>',
    '<Location /private>',
    'DAV svn',
    `SVNParentPath ${repositories}/private`,
    'AuthType Basic',
    'AuthName svn',
    `AuthUserFile ${folder}/htpasswd`,
    'Require valid-user',
    '</Location>',
    '',
  ].join('\n');
}
