import { expect, test } from 'vitest';
import { firstAddress, freeAddress, isInside } from './service-addresses.ts';

test('addresses lie inside their range, without its ends', () => {
  expect(firstAddress('10.96.0.0/16')).toBe('10.96.0.1');
  expect(isInside('10.96.0.0/24', '10.96.0.0')).toBe(false);
  expect(isInside('10.96.0.0/24', '10.96.0.255')).toBe(false);
  expect(isInside('10.96.0.0/24', '10.96.1.1')).toBe(false);
  expect(isInside('10.96.0.0/24', 'x')).toBe(false);
  expect(isInside('10.96.0.0/24', '10.96.0.9')).toBe(true);
});

test('every address of a range is given once, then none', () => {
  const taken = new Set<string>(['10.0.0.1']);
  for (let address = freeAddress('10.0.0.0/26', (each) => taken.has(each)); address;) {
    expect(taken.has(address)).toBe(false);
    expect(isInside('10.0.0.0/26', address)).toBe(true);
    taken.add(address);
    address = freeAddress('10.0.0.0/26', (each) => taken.has(each));
  }
  expect(taken.size).toBe(62);
});
