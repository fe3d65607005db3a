import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execute } from './execute.mjs';
import { SetupError } from './say.mjs';

const lists = JSON.parse(await readFile(new URL('./packages.json', import.meta.url), 'utf8'));
const policyFile = '/usr/sbin/policy-rc.d';

/** Debian packages that are needed and not installed. */
export async function missingPackages(forTests) {
  const wanted = [...lists.run, ...(forTests ? [...lists.test, ...missingCommandPackages()] : [])];
  if (!existsSync('/usr/bin/dpkg-query')) {
    throw new SetupError(
      `Skyarc installs what it needs on Debian and Ubuntu only. Here, install these yourself: ${wanted.join(' ')}`,
    );
  }
  const { output } = await execute(
    'dpkg-query',
    ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...wanted],
    {
      mayFail: true,
    },
  );
  const installed = new Set(
    output
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return wanted.filter((name) => !installed.has(name));
}

/** Packages of commands that may have come from elsewhere, such as a kubectl of another vendor. */
function missingCommandPackages() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return Object.entries(lists.testCommands)
    .filter(([command]) => !folders.some((folder) => existsSync(join(folder, command))))
    .map(([, name]) => name);
}

/**
 * Installs the packages without starting the services that come with them: Skyarc runs its own instances,
 * and a port that another program uses must stay untouched.
 */
export async function installPackages(names) {
  if (process.getuid?.() !== 0) {
    throw new SetupError(
      `Skyarc needs root to install packages. Run it as root, or first: apt-get install ${names.join(' ')}`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'];
  const ownsPolicy = !existsSync(policyFile);
  if (ownsPolicy) {
    await writeFile(policyFile, '#!/bin/sh\nexit 101\n');
    await chmod(policyFile, 0o755);
  }
  try {
    await execute('apt-get', ['update', '-q'], { env });
    await execute('apt-get', ['install', ...options, ...names], { env });
  } finally {
    if (ownsPolicy) await rm(policyFile, { force: true });
  }
  const newUnits = lists.units.filter((unit) =>
    names.some(
      (name) =>
        name === unit ||
        // A package that is named alone has its own unit: prometheus-node-exporter says nothing of prometheus.
        (!lists.run.includes(unit) && name.startsWith(unit)) ||
        (unit === 'ssh' && name === 'openssh-server'),
    ),
  );
  if (existsSync('/run/systemd/system') && newUnits.length > 0) {
    await execute('systemctl', ['disable', '--quiet', ...newUnits], { mayFail: true });
  }
}
