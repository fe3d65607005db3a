import { text as readText } from 'node:stream/consumers';
import { clientDefaults } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { Served } from '../../store/cache.ts';
import type { Answer, Tools } from '../format.ts';
import { type GoPath, unescapePath } from './module-path.ts';
import { hashGoMod, hashZip } from './zip-hash.ts';

const text = { 'content-type': 'text/plain; charset=utf-8' };
const database = new URL(clientDefaults.goSums).host;
const names = /^(?:sum\.golang\.org|sum\.golang\.google\.cn)$/;

/** The checksum database as proxies serve it, kept like everything else: its answers are signed. */
export class GoChecksums {
  private readonly tools: Tools;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  /** `<name>/supported`, `latest`, `lookup/<module>@<version>`, `tile/...`. */
  async handle([name = '', kind = '', ...rest]: readonly string[]): Promise<Answer> {
    const isKnown = names.test(name) && ['supported', 'latest', 'lookup', 'tile'].includes(kind);
    const isPath = rest.every((part) => /^[\w.!~@+-]{1,200}$/.test(part));
    const [upstream] = this.tools.upstreams;
    if (!isKnown || !isPath || !upstream)
      throw new AppError('NOT_FOUND', 'There is no such checksum database here');
    const path = ['sumdb', name, kind, ...rest].join('/');
    if (kind === 'supported') {
      await this.fetch(path, upstream.url, 0);
      return { headers: text, body: '' };
    }
    // A partial tile is replaced by the whole one under another address.
    return {
      body: await this.fetch(path, upstream.url, kind === 'latest' ? this.tools.limits.indexMaxAgeMs : null),
    };
  }

  /**
   * Why a new file of a module is not the one that all the world has, or undefined. While the database
   * cannot be asked only the form is checked; the client compares with its go.sum in any case.
   */
  async inspect({ module, version, kind }: GoPath, file: string): Promise<string | undefined> {
    if (kind !== 'zip' && kind !== 'mod') return undefined;
    const found = await (kind === 'zip' ? hashZip(file) : hashGoMod(file)).catch(() => null);
    if (found === null) return 'it is not a zip archive';
    const promised = await this.promiseOf(module, version, kind);
    return promised === null || promised === found ? undefined : `its hash is ${found}, not ${promised}`;
  }

  private async promiseOf(module: string, version: string, kind: 'zip' | 'mod'): Promise<string | null> {
    const [upstream] = this.tools.upstreams;
    if (!upstream) return null;
    const path = `sumdb/${database}/lookup/${module}@${version}`;
    const text = await this.fetch(path, upstream.url, null)
      .then(async (served) => readText(await served.stream()))
      .catch(() => '');
    const wanted = [unescapePath(module), `${unescapePath(version)}${kind === 'mod' ? '/go.mod' : ''}`].join(
      ' ',
    );
    const line = text.split('\n').find((one) => one.startsWith(`${wanted} h1:`));
    return line?.slice(wanted.length + 1) ?? null;
  }

  private fetch(path: string, base: string, maxAgeMs: number | null): Promise<Served> {
    const { cache, upstreams, limits } = this.tools;
    const upstream = upstreams.find((one) => one.url === base);
    if (!upstream) throw new AppError('NOT_FOUND', 'There is no such checksum database here');
    return cache.open({
      format: 'go',
      name: '',
      path,
      upstream,
      url: path,
      maxAgeMs,
      limitBytes: limits.indexMb * 2 ** 20,
    });
  }
}
