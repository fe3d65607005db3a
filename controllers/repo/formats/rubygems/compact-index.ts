/** A version of a gem as one line of `/info/<name>` says (rubygems.org guides, "Compact index"). */
export interface InfoLine {
  /** `1.2.3`, or `1.2.3-x86_64-linux` for one platform. */
  readonly version: string;
  /** SHA-256 of its file in hex; null: nothing can prove that file. */
  readonly sha256: string | null;
}

export function parseInfo(text: string): InfoLine[] {
  return linesOf(text).map((line) => ({
    version: line.split(' ', 1)[0] as string,
    sha256: /[|,]checksum:([0-9a-f]{64})\b/.exec(line)?.[1] ?? null,
  }));
}

/** Lines below the head of an index. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  const head = lines.indexOf('---');
  return lines.slice(head + 1).filter((line) => line !== '');
}

/** What is needed to say of a gem, from its own specification. */
export interface GemSpecification {
  readonly name: string;
  readonly version: string;
  /** `ruby` for any. */
  readonly platform: string;
  readonly dependencies: readonly { readonly name: string; readonly requirement: string }[];
  /** `>= 2.7`; empty for any. */
  readonly ruby: string;
  readonly rubygems: string;
}

/** `1.2.3`, with the platform where it is made for one. */
export function fullVersionOf({ version, platform }: GemSpecification): string {
  return platform === 'ruby' ? version : `${version}-${platform}`;
}

export function renderInfoLine(gem: GemSpecification, sha256: string): string {
  const dependencies = gem.dependencies.map(({ name, requirement }) => `${name}:${requirement}`);
  const facts = [
    `checksum:${sha256}`,
    ...(gem.ruby ? [`ruby:${gem.ruby}`] : []),
    ...(gem.rubygems ? [`rubygems:${gem.rubygems}`] : []),
  ];
  return `${fullVersionOf(gem)} ${dependencies.join(',')}|${facts.join(',')}`;
}

const gemName = /^[a-zA-Z0-9_][\w.-]{0,127}$/;
const gemVersion = /^\d+(?:\.[0-9A-Za-z]+)*$/;
const gemPlatform = /^[a-zA-Z0-9_][\w.-]{0,63}$/;

export function isGemName(text: string): boolean {
  return gemName.test(text);
}

export function isGemVersion(text: string): boolean {
  return text.length < 100 && gemVersion.test(text);
}

export function isGemPlatform(text: string): boolean {
  return gemPlatform.test(text);
}

/** Every name and version that `<name>-<version>` can be taken apart to: both may have dashes. */
export function splitFullName(full: string): { readonly name: string; readonly version: string }[] {
  return [...full.matchAll(/-(?=\d)/g)]
    .map(({ index }) => ({ name: full.slice(0, index), version: full.slice(index + 1) }))
    .filter(({ name }) => isGemName(name));
}
