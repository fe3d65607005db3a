import { expect, test } from 'vitest';
import { pickCertificate } from './pick.ts';

const certificate = (id: string, hosts: string[], year = 2030) => ({
  id,
  hosts,
  notAfter: new Date(`${year}-01-01`),
});
const known = [
  certificate('wild', ['*.example.com'], 2040),
  certificate('old', ['shop.example.com'], 2028),
  certificate('new', ['www.example.com', 'shop.example.com'], 2029),
  certificate('apex', ['example.com']),
];

test.each([
  ['shop.example.com', 'new'],
  ['other.example.com', 'wild'],
  ['*.example.com', 'wild'],
  ['a.b.example.com', undefined],
  ['example.com', 'apex'],
  ['example.org', undefined],
])('%s is served with %s', (host, id) => {
  expect(pickCertificate(host, known)?.id).toBe(id);
});
