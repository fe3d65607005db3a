import { run } from '@skyarc/lib/process';
import { expect, test } from 'vitest';

const prepare = `import('${import.meta.dirname}/namespaces.ts').then((it) => it.ensureNamespaceFolder('henf'))`;

/** On a machine where nobody has called ip-netns(8) yet: a pod comes, somebody calls it, the pod's namespace goes. */
function machine(before: string): string {
  return `set -e
umount --lazy --recursive /run/netns 2>/dev/null || true
mount -t tmpfs tmpfs /run && mkdir /run/netns
${before}
touch /run/netns/cni-pod && mount --bind /proc/self/ns/net /run/netns/cni-pod
ip netns add henf-other
umount /run/netns/cni-pod && rm /run/netns/cni-pod`;
}

async function removeOn(before: string): Promise<string> {
  const script = machine(before);
  const env = { PATH: process.env['PATH'] ?? '', NODE: process.execPath, PREPARE: prepare };
  const { code, stderr } = await run('unshare', ['--mount', '--', 'sh', '-c', script], { env });
  return code === 0 ? 'removed' : stderr;
}

test('the namespace of a pod can be removed, whoever uses ip-netns(8) while it is there', async () => {
  expect(await removeOn(':')).toContain('busy');
  expect(await removeOn('"$NODE" -e "$PREPARE" && "$NODE" -e "$PREPARE"')).toBe('removed');
});
