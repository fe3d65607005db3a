import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import { mountOverlay, unmount } from '../sandbox/overlay.ts';
import { removeAll } from './base.ts';
import { type InstallPlace, runInstaller } from './installer.ts';
import type { Installation } from './runtimes.ts';

/**
 * Installs Debian packages over the base and other layers with its own apt: `root` becomes what they add. Runs with this
 * machine's network, because only its own package sources are asked.
 */
export async function installDebianPackages(
  place: InstallPlace,
  { packages, over, root, scratch }: Installation,
): Promise<void> {
  const [rootfs, upper] = [join(scratch, 'rootfs'), join(scratch, 'upper')];
  await mountOverlay({ lowers: over, upper, work: join(scratch, 'work'), target: rootfs });
  try {
    await writeFile(join(rootfs, 'etc/resolv.conf'), await readFile('/etc/resolv.conf'));
    await writeFile(join(rootfs, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    // Packages link their manuals there when they are set up, though the base has none.
    for (const section of [1, 5, 8])
      await mkdir(join(rootfs, `usr/share/man/man${section}`), { recursive: true });
    const options = ['-y', '-q', '--no-install-recommends', '-o', 'APT::Sandbox::User=root'];
    await apt(place, rootfs, ['update', '-q', '-o', 'APT::Sandbox::User=root']);
    await apt(place, rootfs, ['install', ...options, '--', ...packages]);
  } finally {
    await unmount(rootfs);
  }
  const notParts = `var/lib/apt var/cache var/log etc/resolv.conf etc/hosts etc/hostname tmp run dev proc sys
    usr/sbin/policy-rc.d usr/share/doc usr/share/man var/lib/dpkg/*-old`;
  await removeAll(upper, notParts.split(/\s+/));
  // Without overlayfs' marks of new folders, which would hide equal ones of layers below.
  const { code, stderr } = await run('cp', ['-a', '--no-preserve=xattr', '--', `${upper}/.`, root]);
  if (code !== 0) throw new AppError('UNAVAILABLE', `Cannot store Debian packages: ${stderr.trim()}`);
}

async function apt(place: InstallPlace, rootfs: string, args: readonly string[]): Promise<void> {
  const { code, lines } = await runInstaller(place, {
    args: ['apt-get', ...args],
    env: { DEBIAN_FRONTEND: 'noninteractive', ...place.env },
    rootfs,
    scratch: ['/tmp', '/run'],
  });
  if (code === 0) return;
  const reason = lines.findLast((line) => line.startsWith('E:')) ?? lines.at(-1) ?? 'no answer';
  throw new AppError('UNAVAILABLE', `Cannot install Debian packages (apt-get ${args[0]}): ${reason}`);
}
