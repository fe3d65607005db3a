import { expect, test } from 'vitest';
import { parseMavenPath } from './coordinates.ts';
import { findMirror } from './discover.ts';

const parse = (path: string) => parseMavenPath(path.split('/'));

test('files, checksums, snapshots and both kinds of metadata are told apart', () => {
  expect(parse('com/acme/tool/1.0/tool-1.0.jar')).toEqual({
    path: 'com/acme/tool/1.0/tool-1.0.jar',
    name: 'com.acme:tool',
    artifactFolder: 'com/acme/tool',
    isMetadata: false,
    isSnapshot: false,
  });
  expect(parse('com/acme/tool/1.0/tool-1.0.jar.sha1')?.checksum).toEqual({
    algorithm: 'sha1',
    of: 'com/acme/tool/1.0/tool-1.0.jar',
  });
  expect(parse('com/acme/tool/maven-metadata.xml')).toMatchObject({
    isMetadata: true,
    artifactFolder: 'com/acme/tool',
  });
  expect(parse('com/acme/tool/2-SNAPSHOT/maven-metadata.xml.md5')).toMatchObject({
    isMetadata: true,
    isSnapshot: true,
    artifactFolder: 'com/acme/tool',
  });
  expect(parse('tool.jar')).toBeNull();
  expect(parse('com/ac me/tool/1/x.jar')).toBeNull();
});

test('the mirror of central is found with its credentials; comments and blockers are not', () => {
  const settings = `<settings><servers><server><id>m</id><username>ann</username><password>p&amp;w</password></server></servers>
    <mirrors><!-- <mirror><mirrorOf>*</mirrorOf><url>https://old.example</url></mirror> -->
    <mirror><id>b</id><mirrorOf>external:http:*</mirrorOf><url>http://0.0.0.0/</url><blocked>true</blocked></mirror>
    <mirror><id>m</id><mirrorOf>central,other</mirrorOf><url>https://m.example/maven</url></mirror></mirrors></settings>`;
  expect(findMirror(settings)).toEqual({
    url: 'https://m.example/maven/',
    authorization: `Basic ${Buffer.from('ann:p&w').toString('base64')}`,
  });
  expect(findMirror('<settings/>')).toBeNull();
});
