import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { clientDefaults } from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { ZipFile } from './zip.ts';

const answerTimeoutMs = 30_000;
const downloadTimeoutMs = 600_000;

/** Modules of the Go module proxies that this machine's client is configured with (go.dev/ref/mod#goproxy-protocol). */
export class GoProxy {
  private readonly proxies: readonly string[];
  private readonly sums: string | null;

  constructor(env: Readonly<Record<string, string>>) {
    const words = (env['GOPROXY'] || clientDefaults.go).split(/[,|]/).map((word) => word.trim());
    this.proxies = words.filter((word) => /^https?:/.test(word)).map((word) => word.replace(/\/+$/, ''));
    const sums = env['GOSUMDB'] || new URL(clientDefaults.goSums).host;
    this.sums = sums === 'off' ? null : (sums.split(/[ +]/)[0] as string);
  }

  /** Versions of a module, in no order. Throws UNAVAILABLE when no proxy answers. */
  async versions(module: string): Promise<string[]> {
    const text = await this.first(module, (proxy) => read(`${proxy}/${module}/@v/list`));
    return text.split('\n').filter(Boolean);
  }

  /**
   * Puts the zip of a module's version into a file, and refuses one whose hash the checksum database does not
   * know (go.dev/ref/mod#checksum-database; its answer is trusted by TLS, its tree is not proven).
   */
  async download(module: string, version: string, file: string): Promise<void> {
    await this.first(module, async (proxy) => {
      await save(`${proxy}/${module}/@v/${version}.zip`, file);
      if (this.sums === null) return;
      const known = await this.sumOf(proxy, `${module}@${version}`);
      const actual = await hashOf(file);
      if (known === actual) return;
      await rm(file, { force: true });
      throw new AppError(
        'INVALID',
        `${module}@${version} is not what the checksum database knows (${known})`,
      );
    });
  }

  private async sumOf(proxy: string, wanted: string): Promise<string> {
    const direct = `https://${this.sums}`;
    const relayed = `${proxy}/sumdb/${this.sums}`;
    const isRelayed = await read(`${relayed}/supported`).then(
      () => true,
      () => false,
    );
    const text = await read(`${isRelayed ? relayed : direct}/lookup/${wanted}`);
    const prefix = `${wanted.replace('@', ' ')} `;
    const line = text.split('\n').find((one) => one.startsWith(prefix));
    if (!line) throw new AppError('UNAVAILABLE', `The checksum database does not say a hash of ${wanted}`);
    return line.slice(prefix.length).trim();
  }

  private async first<T>(module: string, ask: (proxy: string) => Promise<T>): Promise<T> {
    let reason = 'GOPROXY names none';
    for (const proxy of this.proxies) {
      try {
        return await ask(proxy);
      } catch (error) {
        if (error instanceof AppError && error.code === 'INVALID') throw error;
        reason = messageOf(error);
      }
    }
    throw new AppError('UNAVAILABLE', `Cannot get ${module} from a Go module proxy: ${reason}`);
  }
}

async function get(url: string, timeoutMs: number): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (response.ok && response.body) return response;
  await response.body?.cancel();
  throw new AppError('UNAVAILABLE', `${new URL(url).host} answered ${response.status}`);
}

async function read(url: string): Promise<string> {
  return (await get(url, answerTimeoutMs)).text();
}

async function save(url: string, file: string): Promise<void> {
  const { body } = await get(url, downloadTimeoutMs);
  await pipeline(Readable.fromWeb(body as never), createWriteStream(file));
}

/** `h1:` hash of a module's zip (golang.org/x/mod/sumdb/dirhash). */
async function hashOf(file: string): Promise<string> {
  await using zip = await ZipFile.open(file);
  const whole = createHash('sha256');
  const names = [...zip.entries.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const entry = zip.entries.get(name);
    if (!entry || name.endsWith('/')) continue;
    whole.update(
      `${createHash('sha256')
        .update(await zip.read(entry))
        .digest('hex')}  ${name}\n`,
    );
  }
  return `h1:${whole.digest('base64')}`;
}
