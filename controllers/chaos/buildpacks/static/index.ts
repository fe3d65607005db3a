import { AppError } from '@skyarc/lib/errors';
import { webServer } from '../../base/runtimes/web-server.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { type BuildContext, type BuildOutput, defaultPort, type Launch } from '../buildpack.ts';
import type { Project } from '../settings.ts';
import { serveFiles } from './serve.ts';

export const name = 'static';

export interface StaticPlan {
  /** Folder that is served, relative to the source; empty for all of it. */
  readonly folder: string;
  readonly isSinglePage: boolean;
  readonly buildCommand: string | null;
}

const places = ['index.html', 'public/index.html', 'index.htm'];

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.firstOf([...places, 'static.json'])) ?? null;
}

export async function plan(source: SourceTree, project: Project): Promise<StaticPlan> {
  const marked = (await source.readText('static.json')) ?? '';
  const asked =
    project.documentRoot ?? /"root"\s*:\s*"\.?\/?([\w@-][\w@./-]*?)\/?"/.exec(marked)?.[1] ?? null;
  const { buildCommand } = project;
  const isSinglePage = /"\/\*\*"\s*:\s*"\/?index\.html"/.test(marked);
  if (asked !== null) {
    if (buildCommand || (await source.sub(asked))) return { folder: asked, isSinglePage, buildCommand };
    throw new AppError('INVALID', `The document root "${asked}" is not a folder of the source`);
  }
  const found = await source.firstOf(places);
  if (!found && !buildCommand)
    throw new AppError('INVALID', `A static site needs one of ${places.join(', ')}`);
  return { folder: found?.startsWith('public/') ? 'public' : '', isSinglePage, buildCommand };
}

export async function build(
  context: BuildContext,
  { folder, buildCommand }: StaticPlan,
): Promise<BuildOutput> {
  const { source, room, runtimes, base, say } = context;
  const runtime = await webServer(runtimes);
  if (buildCommand) {
    room.own(source.folder);
    room.enter([base.root]);
    const mounts = [{ source: source.folder, destination: '/app' }];
    await room.exec({ label: buildCommand, args: ['/bin/sh', '-c', buildCommand], mounts });
  }
  if (folder && !(await source.sub(folder)))
    throw new AppError('INVALID', `The build made no folder "${folder}"`);
  say('Files are served by nginx');
  return { kind: 'layers', runtime, layers: [{ folder: source.folder, prefix: 'app' }] };
}

export function launch({ folder, isSinglePage }: StaticPlan): Launch {
  const command = serveFiles(folder ? `/app/${folder}` : '/app', isSinglePage);
  return {
    processes: { web: command.join(' ') },
    command,
    ports: [defaultPort],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      PORT: String(defaultPort),
    },
    language: 'Static files',
    version: null,
    memoryMb: 128,
  };
}
