import { mkdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { exists } from '@skyarc/lib/files';
import type { Takeover } from '../format.ts';

/**
 * What teams publish: one verdaccio a team, in this process and with a folder of its own, so that no team's
 * requests ever meet another's packages. Loaded at the first use.
 */
export class PrivateRegistries {
  private readonly folder: string;
  private readonly limitMb: number;
  private readonly servers = new Map<string, Promise<Server>>();

  constructor(folder: string, limitMb: number) {
    this.folder = folder;
    this.limitMb = limitMb;
  }

  async has(team: string, name: string): Promise<boolean> {
    if (team === '') return false;
    return exists(join(this.folder, team, name, 'package.json'));
  }

  /** Names of a team's packages. */
  async list(team: string): Promise<readonly string[]> {
    const text = await readFile(join(this.folder, team, '.verdaccio-db.json'), 'utf8').catch(() => '{}');
    return (JSON.parse(text) as { list?: string[] }).list ?? [];
  }

  /** Hands a request over to the team's registry, at that path. */
  async takeOver(team: string, path: string): Promise<Takeover> {
    const starting = this.servers.get(team) ?? this.start(team);
    this.servers.set(team, starting);
    const server = await starting;
    return {
      takeOver: (request: IncomingMessage, response: ServerResponse) => {
        // Whoever comes here was let in by their grant, which verdaccio does not know.
        delete request.headers.authorization;
        request.url = path;
        server.emit('request', request, response);
      },
    };
  }

  private async start(team: string): Promise<Server> {
    const folder = join(this.folder, team);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { runServer } = await import('verdaccio');
    const all = { access: '$all', publish: '$all', unpublish: '$all' };
    return runServer({
      storage: folder,
      self_path: this.folder,
      url_prefix: '/npm/',
      uplinks: {},
      packages: { '**': all },
      web: { enable: false },
      auth: {},
      middlewares: {},
      max_body_size: `${this.limitMb}mb`,
      log: { type: 'stdout', format: 'json', level: 'error' },
    });
  }
}
