import { expect, test } from 'vitest';
import { normalizeImage, readDockerConfig } from './images.ts';
import { qosClassOf } from './pod.ts';
import { parseQuantity } from '../client/quantity.ts';
import { renderPauseProgram } from './engine/pause-image.ts';

test.each([
  ['nginx', 'docker.io/library/nginx:latest'],
  ['me/app:1.2', 'docker.io/me/app:1.2'],
  ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b:latest'],
  ['localhost/x:1', 'localhost/x:1'],
  [`r.example.com/x:1@sha256:${'a'.repeat(64)}`, `r.example.com/x@sha256:${'a'.repeat(64)}`],
  ['Upper/case', undefined],
  ['with space', undefined],
  ['--option', undefined],
  ['', undefined],
])('image %s', (name, expected) => {
  expect(normalizeImage(name)).toBe(expected);
});

test("credentials of the image's registry only", () => {
  const auth = Buffer.from('bob:se:cret').toString('base64');
  const text = JSON.stringify({ auths: { 'https://r.example.com/v1': { auth }, other: { username: 'x' } } });
  expect(readDockerConfig(text, 'r.example.com/x:1')).toEqual([{ username: 'bob', password: 'se:cret' }]);
  expect(readDockerConfig('{', 'r.example.com/x:1')).toEqual([]);
});

test.each([
  ['250m', 0.25],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['1e3', 1000],
  ['2k', 2000],
  ['5E', 5e18],
])('quantity %s', (text, value) => {
  expect(parseQuantity(text)).toBeCloseTo(value, 9);
});
test('a bad quantity is refused', () => {
  expect(() => parseQuantity('1 Gi')).toThrow('not a quantity');
});

const pod = (...resources: object[]) => ({
  spec: { containers: resources.map((each, n) => ({ name: `c${n}`, resources: each })) },
});

test('quality of service', () => {
  expect(qosClassOf(pod({}))).toBe('BestEffort');
  expect(qosClassOf(pod({ limits: { cpu: '1', memory: '1Gi' } }))).toBe('Guaranteed');
  expect(qosClassOf(pod({ limits: { cpu: '1', memory: '1Gi' } }, {}))).toBe('Burstable');
  expect(qosClassOf(pod({ requests: { cpu: '1' } }))).toBe('Burstable');
});

test('the pause program is a static ELF for each processor, and no other', () => {
  for (const [arch, machine] of [
    ['x64', 62],
    ['arm64', 183],
  ] as const) {
    const program = renderPauseProgram(arch);
    expect(program.toString('latin1', 0, 4)).toBe('\x7fELF');
    expect(program.readUInt16LE(18)).toBe(machine);
    expect(Number(program.readBigUInt64LE(96))).toBe(program.length);
  }
  expect(() => renderPauseProgram('mips')).toThrow('not supported');
});
