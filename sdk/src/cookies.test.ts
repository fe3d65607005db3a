import { expect, it } from 'vitest';
import { CookieJar } from './cookies.ts';

it('keeps what the server sets and drops what it ends', () => {
  const jar = new CookieJar();
  jar.store(['session=abc=; Path=/; HttpOnly; SameSite=Lax', 'theme=dark']);
  expect(jar.header()).toBe('session=abc=; theme=dark');
  jar.store(['session=; Max-Age=0', 'theme=light; max-age=0']);
  expect(jar.header()).toBe('');
});
