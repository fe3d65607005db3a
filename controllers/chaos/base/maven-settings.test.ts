import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newTree } from '../testkit/tree.ts';
import { findMavenMirror, renderMavenSettings } from './maven-settings.ts';
import { parseXml, textAt } from './xml.ts';

const mirror = (of: string, url: string) =>
  `<settings><!-- <mirror> --><mirrors><mirror><mirrorOf>${of}</mirrorOf><url>${url}</url></mirror></mirrors></settings>`;

test.each([
  ['*', 'https://maven.example/all', 'https://maven.example/all'],
  ['external:*', 'https://maven.example/?a=1&amp;b=2', 'https://maven.example/?a=1&b=2'],
  ['snapshots,central', 'https://maven.example/c', 'https://maven.example/c'],
  ['*,!central', 'https://maven.example/c', undefined],
  ['snapshots', 'https://maven.example/s', undefined],
  ['*', 'nonsense', undefined],
])('the mirror of %s at %s is %s for Maven Central', async (of, url, found) => {
  const { folder } = await newTree({ 'settings.xml': mirror(of, url) });
  expect(await findMavenMirror([join(folder, 'settings.xml')])).toBe(found);
});

test('settings that cannot be read count as none', async () => {
  const { folder } = await newTree({});
  await writeFile(join(folder, 'settings.xml'), '<settings><mirrors>');
  expect(await findMavenMirror([join(folder, 'gone.xml'), join(folder, 'settings.xml')])).toBeUndefined();
});

test('builds get the mirror by its variable, and proxies with their exceptions', () => {
  const env = {
    SKYARC_MAVEN_URL: 'http://10.0.2.2:8081/maven/',
    https_proxy: 'http://proxy:3128',
    no_proxy: 'a,.b',
  };
  const settings = parseXml('settings.xml', renderMavenSettings(env));
  expect(textAt(settings, 'mirrors', 'mirror', 'url')).toBe('${env.SKYARC_MAVEN_URL}');
  expect(textAt(settings, 'proxies', 'proxy', 'nonProxyHosts')).toBe('a|.b|10.0.2.*');
  expect(textAt(parseXml('settings.xml', renderMavenSettings({})), 'mirrors')).toBeUndefined();
});

test('where nothing else is reached, every repository is asked for by the mirror', () => {
  const env = { SKYARC_MAVEN_URL: 'http://10.0.2.2:8081/maven/' };
  const asked = (isClosed: boolean) =>
    textAt(parseXml('settings.xml', renderMavenSettings(env, isClosed)), 'mirrors', 'mirror', 'mirrorOf');
  expect([asked(false), asked(true)]).toEqual(['central', '*']);
});
