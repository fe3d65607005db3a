import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
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

/** Where files lie that were sent and are still looked at; what a crash leaves there is of no use. */
export const incomingFolderOf = ({ folder }: Pick<Tools, 'folder'>): string => join(folder, 'incoming');

/** Does something with a file that a client sends and whose content says what it is; nothing of it stays. */
export async function withSentFile<T>(
  ask: Ask,
  tools: Tools,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const limitBytes = limitOf(ask, tools);
  const folder = incomingFolderOf(tools);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, randomUUID());
  const capped = async function* (): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const chunk of ask.request as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limitBytes) throw tooLarge(tools);
      yield chunk;
    }
  };
  try {
    await pipeline(capped, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
    return await work(file);
  } finally {
    await rm(file, { force: true });
  }
}

/** Takes a file in that a client puts at its path. */
export async function takePut(ask: Ask, tools: Tools, options: PutOptions): Promise<Answer> {
  const limitBytes = limitOf(ask, tools);
  const publication = {
    type: 'application/octet-stream',
    ...options,
    team: ask.caller.team,
    limitBytes,
  };
  await tools.store.publish(publication, ask.request as AsyncIterable<Uint8Array>);
  return { status: 201, body: '' };
}

/** Bytes that the caller may send; throws when that is none, or less than they say they will. */
function limitOf({ caller, request }: Ask, tools: Tools): number {
  mustPublish(caller);
  const limitBytes = tools.limits.publishMb * 2 ** 20;
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(tools);
  return limitBytes;
}

function tooLarge({ limits }: Tools): AppError {
  return new AppError('EXHAUSTED', `A published file has at most ${limits.publishMb} MiB`);
}
