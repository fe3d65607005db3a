import { expect, it } from 'vitest';
import { appNamePattern, gitUrlPattern, nameFromUrl } from './names.ts';

it('makes an app name of a repository address', () => {
  expect(nameFromUrl('https://git.example.com/blue/My_Shop.git')).toBe('my-shop');
  expect(nameFromUrl('git@example.com:shop-api')).toBe('shop-api');
  expect(nameFromUrl('https://x/123')).toBe('');
  expect(nameFromUrl(`https://x/${'a'.repeat(39)}-b`)).toMatch(appNamePattern);
});

it('takes Git addresses and nothing that could be an option', () => {
  for (const url of ['https://h/x.git', 'http://h:3000/x', 'ssh://git@h/x', 'git@h:x/y.git']) {
    expect(url).toMatch(gitUrlPattern);
  }
  for (const url of ['--upload-pack=x', 'file:///etc', 'https://h/a b', '/srv/x', 'https://']) {
    expect(url).not.toMatch(gitUrlPattern);
  }
});
