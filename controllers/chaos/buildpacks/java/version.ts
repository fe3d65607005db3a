import { AppError } from '@skyarc/lib/errors';
import { javaVersion } from '../../base/runtimes/java.ts';
import type { SourceTree } from '../../sources/tree.ts';

/** Of `17`, `17.0.5`, `1.8`, `VERSION_11`; undefined for something else, such as a property. */
export function majorOf(text: string | undefined): number | undefined {
  const found = /^(?:VERSION_)?(?:1[._])?(\d{1,2})(?:[._+-].*)?$/.exec((text ?? '').trim());
  return found ? Number(found[1]) : undefined;
}

/**
 * The Java that the source asks for: system.properties wins over its build file. Throws INVALID when that is
 * newer than the one that there is; older code is compiled for its version by the same JDK.
 */
export async function checkJavaVersion(
  source: SourceTree,
  asked: { readonly major: number | undefined; readonly by: string },
): Promise<void> {
  const properties = await source.readText('system.properties');
  const line = /^\s*java\.runtime\.version\s*[=:]\s*(\S+)/m.exec(properties ?? '')?.[1];
  const wish = line ? { major: majorOf(line), by: 'system.properties' } : asked;
  if (wish.major === undefined || wish.major <= javaVersion) return;
  throw new AppError(
    'INVALID',
    `${wish.by} asks for Java ${wish.major}, and there is ${javaVersion}, the one that Debian carries; ask for ${javaVersion} or less, or use a Dockerfile`,
  );
}

/** A class file's version of Java (JVM specification 4.1): its major number less 44. */
export function javaOfClass(bytes: Buffer): number | undefined {
  return bytes.length >= 8 && bytes.readUInt32BE(0) === 0xcafebabe ? bytes.readUInt16BE(6) - 44 : undefined;
}
