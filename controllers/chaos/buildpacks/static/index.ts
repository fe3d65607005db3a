import { AppError } from '@skyarc/lib/errors';
import { webServer } from '../../base/runtimes/web-server.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { type BuildContext, type BuildOutput, defaultPort, type Launch } from '../buildpack.ts';

export const name = 'static';

export interface StaticPlan {
  /** Folder that is served, relative to the source; empty for all of it. */
  readonly folder: string;
}

const places = ['index.html', 'public/index.html', 'index.htm'];

export async function detect(source: SourceTree): Promise<string | null> {
  return (await source.firstOf(places)) ?? null;
}

export async function plan(source: SourceTree): Promise<StaticPlan> {
  const found = await source.firstOf(places);
  if (!found) throw new AppError('INVALID', `A static site needs one of ${places.join(', ')}`);
  return { folder: found.startsWith('public/') ? 'public' : '' };
}

export async function build({ source, runtimes, say }: BuildContext): Promise<BuildOutput> {
  const runtime = await webServer(runtimes);
  say('Files are served by nginx');
  return { kind: 'layers', runtime, layers: [{ folder: source.folder, prefix: 'app' }] };
}

export function launch({ folder }: StaticPlan): Launch {
  const command = ['/usr/local/bin/serve-static', folder ? `/app/${folder}` : '/app'];
  return {
    processes: { web: command.join(' ') },
    command,
    ports: [defaultPort],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      PORT: String(defaultPort),
    },
  };
}
