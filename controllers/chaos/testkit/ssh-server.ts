import { spawn } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';

export interface SshServer {
  /** Private key that the server accepts. */
  readonly key: string;
  /** `ssh://root@host:port` in front of a repository's path. */
  readonly url: string;
  /** Lets another key in, as OpenSSH writes public keys. */
  allow(publicKey: string): Promise<void>;
  /** The same server with another host key, as after a man in the middle. */
  changeHostKey(): Promise<void>;
  stop(): Promise<void>;
}

/** OpenSSH's sshd on loopback with keys of its own; it serves this machine's files to one key. */
export async function startSshServer(port: number): Promise<SshServer> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-ssh-'));
  await chmod(folder, 0o755);
  await mkdir('/run/sshd', { recursive: true });
  const keygen = (name: string) =>
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)]);
  await Promise.all([keygen('host'), keygen('user')]);
  await writeFile(join(folder, 'authorized'), await readFile(join(folder, 'user.pub')), { mode: 0o600 });
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'UsePAM no',
    'StrictModes no',
    `PidFile ${join(folder, 'pid')}`,
  ];
  await writeFile(join(folder, 'config'), `${config.join('\n')}\n`);
  let server = listen(folder);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const end = () =>
    new Promise<void>((resolve) => {
      server.once('exit', () => resolve());
      server.kill('SIGTERM');
    });
  return {
    key: await readFile(join(folder, 'user'), 'utf8'),
    url: `ssh://root@127.0.0.1:${port}`,
    allow: (publicKey) => appendFile(join(folder, 'authorized'), `${publicKey.trim()}\n`),
    changeHostKey: async () => {
      await end();
      await rm(join(folder, 'host'));
      await rm(join(folder, 'host.pub'));
      await keygen('host');
      server = listen(folder);
      await new Promise((resolve) => setTimeout(resolve, 400));
    },
    stop: async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function listen(folder: string) {
  return spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' });
}
