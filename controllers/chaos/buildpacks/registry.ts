import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../sources/tree.ts';
import type { BuildContext, BuildOutput, Buildpack, Launch } from './buildpack.ts';
import * as dockerfile from './dockerfile/index.ts';
import * as nodejs from './nodejs/index.ts';
import * as python from './python/index.ts';
import * as staticSite from './static/index.ts';

/** A buildpack that took a source, with its plan inside. */
export interface Chosen {
  readonly name: string;
  /** What it was recognised by. */
  readonly reason: string;
  readonly launch: Launch;
  build(context: BuildContext): Promise<BuildOutput>;
}

interface Member {
  readonly name: string;
  detect(source: SourceTree): Promise<string | null>;
  choose(source: SourceTree, reason: string): Promise<Chosen>;
}

function member<Plan>(pack: Buildpack<Plan>): Member {
  return {
    name: pack.name,
    detect: (source) => pack.detect(source),
    choose: async (source, reason) => {
      const plan = await pack.plan(source);
      return {
        name: pack.name,
        reason,
        launch: pack.launch(plan),
        build: (context) => pack.build(context, plan),
      };
    },
  };
}

/** The family in the order that they are asked. */
const members: readonly Member[] = [member(dockerfile), member(nodejs), member(python), member(staticSite)];

export const buildpackNames: readonly string[] = members.map(({ name }) => name);

const lookedFor =
  'Dockerfile, package.json (Node.js), requirements.txt, manage.py, app.py, main.py, server.py or wsgi.py (Python), index.html or public/index.html (static)';

/** The first buildpack that takes the source, or the forced one. Throws INVALID when none does. */
export async function chooseBuildpack(source: SourceTree, forced: string | null): Promise<Chosen> {
  if (forced !== null) {
    const found = members.find(({ name }) => name === forced);
    if (!found) {
      throw new AppError(
        'INVALID',
        `There is no buildpack "${forced}"; there are ${buildpackNames.join(', ')}`,
      );
    }
    return found.choose(source, 'chosen in the build settings');
  }
  for (const candidate of members) {
    const reason = await candidate.detect(source);
    if (reason !== null) return candidate.choose(source, reason);
  }
  const names = await source.names();
  const seen =
    names.length > 0 ? names.slice(0, 20).join(', ') + (names.length > 20 ? ', ...' : '') : 'nothing';
  throw new AppError('INVALID', `No language was recognised: looked for ${lookedFor}; found ${seen}`);
}
