import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../sources/tree.ts';
import type { BuildContext, BuildOutput, Buildpack, Module } from './buildpack.ts';
import * as dockerfile from './dockerfile/index.ts';
import { type Found, withWishes } from './found.ts';
import * as go from './go/index.ts';
import * as java from './java/index.ts';
import * as nodejs from './nodejs/index.ts';
import { type Part, selectPart } from './part.ts';
import * as php from './php/index.ts';
import * as python from './python/index.ts';
import * as ruby from './ruby/index.ts';
import { type BuildSettings, type Project, readProject } from './settings.ts';
import * as staticSite from './static/index.ts';

/** A buildpack that took a source, with its plan inside. */
export interface Chosen {
  readonly name: string;
  /** What it was recognised by. */
  readonly reason: string;
  readonly launch: Found;
  build(context: BuildContext): Promise<BuildOutput>;
}

export interface Member {
  readonly name: string;
  detect(source: SourceTree, project: Project): Promise<string | null>;
  choose(part: Part, reason: string): Promise<Chosen>;
  modules(source: SourceTree): Promise<readonly Module[]>;
}

function member<Plan>(pack: Buildpack<Plan>): Member {
  return {
    name: pack.name,
    detect: (source, project) => pack.detect(source, project),
    modules: async (source) => (await pack.modules?.(source)) ?? [],
    choose: async ({ source, project }, reason) => {
      const plan = await pack.plan(source, project);
      return {
        name: pack.name,
        reason,
        launch: withWishes(pack.launch(plan), project),
        build: (context) => {
          context.room.setEnv(project.buildEnv);
          return pack.build({ ...context, source }, plan);
        },
      };
    },
  };
}

/** The family in the order that they are asked. */
export const members: readonly Member[] = [
  member(dockerfile),
  member(java),
  member(go),
  member(php),
  member(python),
  member(nodejs),
  member(ruby),
  member(staticSite),
];

export const buildpackNames: readonly string[] = members.map(({ name }) => name);

const lookedFor =
  'Dockerfile, pom.xml, build.gradle, *.jar or *.war (Java), go.mod (Go), composer.json or index.php (PHP), requirements.txt, pyproject.toml, Pipfile, manage.py, app.py, main.py, server.py or wsgi.py (Python), package.json (Node.js), Gemfile or config.ru (Ruby), index.html or public/index.html (static)';

/** The first buildpack that takes the source, or the one that is set. Throws INVALID when none does. */
export async function chooseBuildpack(source: SourceTree, settings: BuildSettings = {}): Promise<Chosen> {
  const part = await selectPart(source, await readProject(source, settings), members);
  const { buildpack } = part.project;
  if (buildpack !== null) return getMember(buildpack).choose(part, reasonOf(settings, part.project));
  for (const candidate of members) {
    const reason = await candidate.detect(part.source, part.project);
    if (reason !== null) return candidate.choose(part, reason);
  }
  throw await unknownLanguage(part.source);
}

function getMember(wanted: string): Member {
  const found = members.find(({ name }) => name === wanted);
  if (found) return found;
  throw new AppError(
    'INVALID',
    `There is no buildpack "${wanted.slice(0, 60)}"; there are ${buildpackNames.join(', ')}`,
  );
}

function reasonOf(settings: BuildSettings, project: Project): string {
  return settings.buildpack ? 'chosen in the build settings' : `chosen in ${project.file}`;
}

async function unknownLanguage(source: SourceTree): Promise<AppError> {
  const names = await source.names();
  const seen =
    names.length > 0 ? names.slice(0, 20).join(', ') + (names.length > 20 ? ', ...' : '') : 'nothing';
  return new AppError('INVALID', `No language was recognised: looked for ${lookedFor}; found ${seen}`);
}
