import type { FailureRule } from '../../explain.ts';

const noOther =
  '; of repositories this build asks that of the data centre alone: publish what is missing there, or ask an administrator to open the network to builds of this team (SKYARC_OPEN_BUILDS)';

/** What Maven, Gradle and the Java compiler say when they fail, in a person's words. */
export const failures: readonly FailureRule[] = [
  {
    pattern: /Downloading (https?:\/\/\S+gradle\S+\.zip)[\s\S]*?Exception/,
    say: (match) =>
      `the Gradle wrapper cannot get ${match[1]}, which no package registry carries; commit that file beside gradle-wrapper.properties and name it there (distributionUrl=<file name>), remove the wrapper to build with Debian's Gradle, or use a Dockerfile`,
  },
  {
    pattern:
      /(?:invalid target release|release version) (\d+)(?:\.\d+)?(?: not supported)?|Unsupported class file major version (\d+)/,
    say: (match) =>
      match[1]
        ? `it asks for Java ${match[1]}, which this JDK cannot build for`
        : 'a part was compiled for another version of Java than this one',
  },
  {
    pattern: /\[ERROR\] (?:\/app\/)?(\S+\.(?:java|kt|scala)):\[?(\d+)[,:]\d*\]?\s*(.+)/,
    say: (match) => `the compiler found errors, the first: ${match[1]}:${match[2]} ${match[3]}`,
  },
  {
    pattern: /^(?:e: )?(?:file:\/\/)?(?:\/app\/)(\S+\.(?:java|kt)):(\d+):(?:\d+:?)? (?:error: )?(.+)$/m,
    say: (match) => `the compiler found errors, the first: ${match[1]}:${match[2]} ${match[3]}`,
  },
  {
    pattern: /(?:Could not find artifact|Failure to find) (\S+?)(?: in | was )/,
    say: (match, { isClosed }) =>
      `${match[1]} does not exist in the Maven repository; check its name and version${isClosed ? noOther : ''}`,
  },
  {
    pattern: /Could not (?:find|resolve) ([\w.-]+:[\w.-]+:[\w.-]+)\.?/,
    say: (match, { isClosed }) =>
      `${match[1]} cannot be got; check its name, version and the build's repositories${isClosed ? noOther : ''}`,
  },
  {
    pattern: /Plugin \[id: '([^']+)'[^\]]*\] was not found/,
    say: (match) =>
      `the Gradle plugin ${match[1]} was not found where this build looks; add mavenCentral() to pluginManagement in settings.gradle if it is there`,
  },
  {
    pattern: /Plugin (\S+:\S+:\S+) or one of its dependencies could not be resolved/,
    say: (match) => `the Maven plugin ${match[1]} cannot be got; check its name and version`,
  },
  {
    pattern: /Could not find the selected project in the reactor: (\S+)/,
    say: (match) => `the Maven project has no module ${match[1]}`,
  },
  {
    pattern: /java\.lang\.OutOfMemoryError|The forked VM terminated|Java heap space/,
    say: (_, { memoryMb }) =>
      `Java used up its memory; the build has ${memoryMb} MB, raise it in the build settings`,
  },
  {
    pattern: /Non-parseable POM \S*?([\w./-]+pom\.xml): (.+)/,
    say: (match) => `${match[1]} is not valid XML: ${match[2]}`,
  },
  {
    pattern: /\* What went wrong:\n(.+)(?:\n> (.+))?/,
    say: (match) => [match[1], match[2]].filter(Boolean).join(' '),
  },
];
