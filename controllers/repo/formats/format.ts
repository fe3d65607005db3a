import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, isNotFound } from '@skyarc/lib/errors';
import type { Caller } from '../access.ts';
import type { ResolvedRepoConfig } from '../config.ts';
import type { FileCache, Served } from '../store/cache.ts';
import type { Catalogue, FileRecord } from '../store/catalogue.ts';
import type { PrivateStore } from '../store/private-store.ts';
import type { Upstream } from '../store/upstream.ts';

/** One request, its path checked: no part is empty, "." or "..", or has a separator or control character in it. */
export interface Ask {
  readonly method: string;
  /** Decoded parts of the path below the format's own. */
  readonly parts: readonly string[];
  readonly hasFinalSlash: boolean;
  readonly search: URLSearchParams;
  readonly caller: Caller;
  /** Address of the format as the client reaches it, without a final slash. */
  readonly base: string;
  /** For its headers and body. */
  readonly request: IncomingMessage;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Served | null;
}

/** What all formats work with. */
export interface Tools {
  readonly cache: FileCache;
  readonly store: PrivateStore;
  readonly catalogue: Catalogue;
  readonly upstreams: readonly Upstream[];
  readonly limits: ResolvedRepoConfig['limits'];
  /** Folder that only this format writes to. */
  readonly folder: string;
}

/** One kind of packages; serves one folder of addresses. */
export interface Format {
  readonly name: string;
  /** How people call it. */
  readonly title: string;
  /** Where this machine's own client gets its packages, in order. */
  readonly discover: (env: Readonly<Record<string, string>>) => Promise<readonly Upstream[]>;
  /** What a person tells their client, given the format's address. */
  readonly setup: (base: string) => string;
  /** Answers requests with these tools. */
  readonly open: (tools: Tools) => Handler;
}

export interface Handler {
  readonly handle: (ask: Ask) => Promise<Answer | Takeover>;
  /** Names of packages that a team published, besides those in the catalogue. */
  readonly listPrivate?: (team: string) => Promise<readonly string[]>;
  /** Path within the format of a whole address, for a client that uses us as its proxy; null: not of ours. */
  readonly locate?: (url: string) => string | null;
}

/** Answers by itself, for servers of others that run within ours. */
export interface Takeover {
  readonly takeOver: (request: IncomingMessage, response: ServerResponse) => void;
}

/** What the first upstream has that knows it; one that is away may know it, so that no other stands in for it. */
export async function ofFirst<T>(
  upstreams: readonly Upstream[],
  what: string,
  ask: (upstream: Upstream, position: number) => Promise<T>,
): Promise<T> {
  let failure = new AppError('NOT_FOUND', `There is no ${what}`);
  for (const [position, upstream] of upstreams.entries()) {
    try {
      return await ask(upstream, position);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** A published file as something to send. */
export function servedOf(record: FileRecord, store: PrivateStore): Served {
  const { size, type, digest } = record;
  return { size, type, digest, isStale: false, stream: async () => store.read(record) };
}
