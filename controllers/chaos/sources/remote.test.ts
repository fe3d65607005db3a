import { builtSource } from '@skyarc/lib/contracts';
import { expect, test } from 'vitest';
import { nobody, prepareRemote } from './remote.ts';

const options = { knownHostsFile: '/nonexistent', env: {}, folder: '/nonexistent' };
const policy = { allowPrivate: false, resolve: () => Promise.resolve(['8.8.8.8']) };

const evil = [
  '--upload-pack=touch /tmp/x',
  '-oProxyCommand=x',
  '$(id)',
  '`id`',
  'a b',
  "a'b",
  'a"b',
  'a\nb',
  'a;b',
  'a|b',
  '',
];

test.each(evil)('%j is neither branch, address nor folder', (text) => {
  const base = { kind: 'GIT', url: 'https://example.com/a.git', branch: 'main' };
  expect(builtSource.safeParse(base).success).toBe(true);
  expect(builtSource.safeParse({ ...base, branch: text }).success).toBe(false);
  expect(builtSource.safeParse({ ...base, url: text }).success).toBe(false);
  expect(builtSource.safeParse({ ...base, url: `https://example.com/${text || ' '}` }).success).toBe(
    text.startsWith('-o'),
  );
  if (text !== 'a b' && text)
    expect(builtSource.safeParse({ ...base, subdirectory: text }).success).toBe(false);
});

test.each([
  'file:///etc',
  'ext::sh -c id',
  '/etc',
  'https://u:p@example.com/a',
  'git://example.com/a',
  '-oX@host:a',
])('%s never reaches git', async (url) => {
  await expect(prepareRemote(url, { ...options, policy })).rejects.toMatchObject({ code: 'INVALID' });
});

test('the checked address is pinned, and a secret is only in the environment', async () => {
  const credentials = { username: 'ann', password: 'hidden' };
  const remote = await prepareRemote('https://git.example/a.git', { ...options, policy, credentials });
  const values = Object.values(remote.env);
  expect(values).toContain('git.example:443:8.8.8.8');
  expect(values).toContain(`Authorization: Basic ${Buffer.from('ann:hidden').toString('base64')}`);
  expect(remote.env).toMatchObject({ GIT_ALLOW_PROTOCOL: 'http:https:ssh', GIT_TERMINAL_PROMPT: '0' });
  expect(remote.url).not.toContain('hidden');
  expect(nobody.uid).toBe(65_534);
});
