import { AppError } from '@skyarc/lib/errors';
import { mustPublish } from '../access.ts';
import type { Digests } from '../store/digests.ts';
import type { Answer, Ask, Tools } from './format.ts';

interface PutOptions {
  readonly format: string;
  readonly name: string;
  readonly path: string;
  readonly mayReplace: boolean;
  readonly digests?: Digests;
  readonly type?: string;
}

/** Takes a file in that a client puts at its path. */
export async function takePut(ask: Ask, tools: Tools, options: PutOptions): Promise<Answer> {
  mustPublish(ask.caller);
  const limitBytes = tools.limits.publishMb * 2 ** 20;
  if (Number(ask.request.headers['content-length'] ?? 0) > limitBytes)
    throw new AppError('EXHAUSTED', `A published file has at most ${tools.limits.publishMb} MiB`);
  const publication = {
    type: 'application/octet-stream',
    ...options,
    team: ask.caller.team,
    limitBytes,
  };
  await tools.store.publish(publication, ask.request as AsyncIterable<Uint8Array>);
  return { status: 201, body: '' };
}
