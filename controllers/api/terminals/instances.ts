import { AppError, type ErrorCode, httpStatusOf } from '@skyarc/lib/errors';
import type { GrantSigner } from '@skyarc/lib/signed-grant';
import { z } from 'zod';

const instanceState = z.object({ instance: z.string(), sessions: z.number(), isDraining: z.boolean() });
const answerTimeoutMs = 3_000;
const controlLifeMs = 30_000;

/** One running webcli. */
export interface WebcliInstance extends z.output<typeof instanceState> {
  readonly url: string;
}

/** The webcli instances of this data centre, asked each time: they come and go. */
export class WebcliInstances {
  private readonly urls: readonly string[];
  private readonly signer: GrantSigner;

  constructor(urls: readonly string[], signer: GrantSigner) {
    this.urls = urls.map((url) => url.replace(/\/$/, ''));
    this.signer = signer;
  }

  /** The one with the fewest sessions. Throws UNAVAILABLE when none takes any. */
  async pick(): Promise<WebcliInstance> {
    const [best] = (await this.list())
      .filter((one) => !one.isDraining)
      .toSorted((left, right) => left.sessions - right.sessions);
    if (!best) throw new AppError('UNAVAILABLE', 'Cannot open a terminal: no terminal service answers');
    return best;
  }

  async find(name: string): Promise<WebcliInstance | undefined> {
    return (await this.list()).find((one) => one.instance === name);
  }

  /** Asks one instance. Throws what it answers, UNAVAILABLE when it does not. */
  async ask<Schema extends z.ZodType>(
    { url, instance }: Pick<WebcliInstance, 'url' | 'instance'>,
    request: { readonly method: 'GET' | 'DELETE'; readonly path: string },
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const grant = this.signer.sign({
      use: 'terminal-control',
      expiresAt: Date.now() + controlLifeMs,
      instance,
    } as { expiresAt: number });
    let status: number;
    let body: unknown;
    try {
      const response = await fetch(`${url}${request.path}`, {
        method: request.method,
        headers: { authorization: `Bearer ${grant}` },
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
      ({ status } = response);
      body = await response.json();
    } catch (cause) {
      throw new AppError('UNAVAILABLE', `Terminal service "${instance}" does not answer`, { cause });
    }
    if (status !== 200) throw refusalOf(body, status);
    return schema.parse(body);
  }

  private async list(): Promise<WebcliInstance[]> {
    const states = await Promise.all(
      this.urls.map(async (url) => {
        const asked = this.ask({ url, instance: '' }, { method: 'GET', path: '/instance' }, instanceState);
        return asked.then(
          (state) => ({ ...state, url }),
          () => null,
        );
      }),
    );
    return states.filter((one) => one !== null);
  }
}

function refusalOf(body: unknown, status: number): AppError {
  const { code, message } = body as { code?: string; message?: string };
  const known = code && code in httpStatusOf ? (code as ErrorCode) : 'UNAVAILABLE';
  return new AppError(known, message ?? `The terminal service answered with status ${status}`);
}
