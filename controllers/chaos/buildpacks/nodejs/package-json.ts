import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import type { SourceTree } from '../../sources/tree.ts';

const packageJson = z.looseObject({
  name: z.string().optional(),
  main: z.string().optional(),
  scripts: z.record(z.string(), z.string()).default({}),
  engines: z.looseObject({ node: z.string().optional() }).default({}),
  packageManager: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  workspaces: z
    .union([z.array(z.string()), z.looseObject({ packages: z.array(z.string()).default([]) })])
    .optional(),
});
export type PackageJson = z.output<typeof packageJson>;

/** The package.json of a folder. Throws INVALID with what is wrong in it. */
export async function readPackage(source: SourceTree, place = 'package.json'): Promise<PackageJson> {
  try {
    return packageJson.parse(JSON.parse((await source.readText('package.json')) ?? ''));
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError ? `"${cause.issues[0]?.path.join('.')}" has a wrong type` : String(cause);
    throw new AppError('INVALID', `${place} cannot be read: ${reason.replace(/^SyntaxError: /, '')}`, {
      cause,
    });
  }
}

/** Whether it is a dependency of any kind. */
export function dependsOn(pkg: PackageJson, name: string): boolean {
  return [pkg.dependencies, pkg.devDependencies, pkg.optionalDependencies].some((set) => name in set);
}
