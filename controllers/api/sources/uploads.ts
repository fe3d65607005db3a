import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  appSource,
  newId,
  uploadGrant,
  type UploadGrantClaims,
  uploadPath,
  type UploadReceipt,
} from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { Logger } from '@skyarc/lib/log';
import { GrantSigner, GrantVerifier, makeGrantKeys } from '@skyarc/lib/signed-grant';
import type { DataCenterDatabase, UploadRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { ResolvedApiConfig } from '../config.ts';
import { type CallContext, teamFilter, theTeam } from '../context.ts';
import type { Upload, UploadGrant } from '../generated/resolvers.ts';
import { type CheckedSource, sourceInputs, type StoredUpload } from '../input/source.ts';
import { withoutNulls } from '../input/text.ts';
import { invalid } from '../commands/refusals.ts';
import { formatOf, refuseOtherFormat } from './archive-format.ts';

const grantLifeMs = 600_000;
/** An upload that no app uses is kept this long. */
const unusedLifeMs = 86_400_000;
const sweepEveryMs = 3_600_000;
/** A sender that says nothing for so long is gone. */
const silenceMs = 60_000;
/** What stays free on the disk for everybody else. */
const reserveBytes = 512 * 2 ** 20;

export interface UploadsDeps {
  readonly db: DataCenterDatabase;
  readonly log: Logger;
}

/** Archives that teams upload: one file for each content, `<folder>/<team>/<sha256>`. */
export class Uploads {
  private readonly dataCenter: string;
  private readonly settings: NonNullable<ResolvedApiConfig['uploads']> | undefined;
  private readonly deps: UploadsDeps;
  private readonly signer: GrantSigner;
  private readonly verifier: GrantVerifier;
  private timer: NodeJS.Timeout | undefined;

  constructor(config: ResolvedApiConfig, deps: UploadsDeps) {
    const grantKey = config.uploads?.grantKey ?? makeGrantKeys().privateKey;
    this.dataCenter = config.dataCenter;
    this.settings = config.uploads;
    this.deps = deps;
    this.signer = new GrantSigner(grantKey);
    this.verifier = new GrantVerifier(grantKey);
  }

  start(): void {
    const look = (): void => {
      this.sweep().catch((error: unknown) =>
        this.deps.log.warn({ reason: messageOf(error) }, 'cannot remove old uploads'),
      );
    };
    this.timer = setInterval(look, sweepEveryMs).unref();
    look();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Permission to send one file. Throws INVALID for a name or size that is never taken, UNAVAILABLE, EXHAUSTED. */
  async create(input: unknown, context: CallContext): Promise<UploadGrant> {
    const what = 'Cannot upload';
    const { fileName, sizeBytes, binding } = check(what, sourceInputs.upload, withoutNulls(input));
    const { maxBytes } = this.required();
    if (sizeBytes !== undefined && sizeBytes > maxBytes)
      throw invalid(what, 'sizeBytes', `The file is larger than the limit of ${megabytes(maxBytes)}`);
    const team = theTeam(context);
    await this.requireRoom(team, sizeBytes ?? 0);
    const id = newId(this.dataCenter, 'upload');
    await this.deps.db.upload.create({ data: { id, teamName: team, fileName } });
    const expiresAt = Date.now() + grantLifeMs;
    const claims: UploadGrantClaims = { use: 'upload', expiresAt, id, team, binding };
    return {
      id,
      url: `${uploadPath}?grant=${this.signer.sign(claims)}`,
      expiresAt: new Date(expiresAt),
      maxBytes,
    };
  }

  async find(context: CallContext, id: string): Promise<Upload | null> {
    const row = await this.deps.db.upload.findFirst({ where: { id, ...teamFilter(context) } });
    return row && present(row);
  }

  /** A READY upload of the team. Throws INVALID. */
  async get(team: string, what: string, id: string): Promise<StoredUpload> {
    const row = await this.deps.db.upload.findFirst({ where: { id, teamName: team } });
    if (!row)
      throw invalid(what, 'source.upload.id', 'the team has no such upload, or it was not used for a day');
    if (!row.sha256) throw invalid(what, 'source.upload.id', 'the file has not been sent yet');
    return { id, sha256: row.sha256, fileName: row.fileName };
  }

  /**
   * Takes the bytes of an upload. Throws FORBIDDEN for a grant that is not valid or not this login's, CONFLICT
   * when they came before, INVALID for a file that is not what its name says, EXHAUSTED beyond a limit.
   */
  async receive(request: IncomingMessage): Promise<UploadReceipt> {
    const { folder, maxBytes } = this.required();
    const url = new URL(request.url ?? '/', 'http://localhost');
    const claims = this.verifier.open(uploadGrant, url.searchParams.get('grant') ?? '');
    if (request.headers['x-skyarc-binding'] !== claims.binding)
      throw new AppError('FORBIDDEN', 'Cannot upload: the grant is not yours');
    const { id, team } = claims;
    const row = await this.deps.db.upload.findFirst({ where: { id, teamName: team } });
    if (!row) throw new AppError('NOT_FOUND', 'Cannot upload: this upload has been removed');
    if (row.sha256) throw new AppError('CONFLICT', 'Cannot upload: the file of this upload came before');
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > maxBytes) throw tooLarge(maxBytes);
    await this.requireRoom(team, announced);
    const incoming = join(folder, 'incoming');
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    const file = join(incoming, `${id}-${randomBytes(4).toString('hex')}`);
    try {
      const { sha256, sizeBytes } = await store(request, { file, maxBytes, fileName: row.fileName });
      await mkdir(join(folder, team), { recursive: true, mode: 0o700 });
      await rename(file, join(folder, team, sha256));
      const { count } = await this.deps.db.upload.updateMany({
        where: { id, teamName: team, sha256: null },
        data: { sha256, sizeBytes: BigInt(sizeBytes), receivedAt: new Date() },
      });
      if (count === 0) throw new AppError('CONFLICT', 'Cannot upload: the file of this upload came before');
      return { id, sha256, sizeBytes };
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Removes what no app uses and nobody is about to use. */
  private async sweep(): Promise<void> {
    if (!this.settings) return;
    const { folder } = this.settings;
    const { db } = this.deps;
    const before = new Date(Date.now() - unusedLifeMs);
    const old = await db.upload.findMany({ where: { createdAt: { lt: before } } });
    const used = await this.usedIds();
    const unused = old.filter(({ id }) => !used.has(id)).map(({ id }) => id);
    await db.upload.deleteMany({ where: { id: { in: unused } } });
    for (const teamName of await readdir(folder).catch(() => [])) {
      for (const name of await readdir(join(folder, teamName))) {
        const file = join(folder, teamName, name);
        // One that just came has no row yet, or is the same content once more.
        const isOld = (await stat(file)).mtimeMs < before.getTime();
        const isKept = !isOld || (await db.upload.count({ where: { teamName, sha256: name } })) > 0;
        if (!isKept) await rm(file, { force: true });
      }
    }
  }

  private async usedIds(): Promise<Set<string>> {
    const apps = await this.deps.db.app.findMany({
      where: { source: { contains: '"UPLOAD"' }, deletedAt: null },
      select: { source: true },
    });
    const sources = apps.map(({ source }) => appSource.safeParse(JSON.parse(source)).data);
    return new Set(sources.flatMap((source) => (source?.kind === 'UPLOAD' ? [source.uploadId] : [])));
  }

  private async requireRoom(teamName: string, bytes: number): Promise<void> {
    const { folder, teamBytes } = this.required();
    const { _sum } = await this.deps.db.upload.aggregate({ where: { teamName }, _sum: { sizeBytes: true } });
    if (Number(_sum.sizeBytes ?? 0) + bytes > teamBytes) {
      throw new AppError(
        'EXHAUSTED',
        `Cannot upload: the uploads of team "${teamName}" would have more than ${megabytes(teamBytes)}; remove apps that were made of uploads`,
      );
    }
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < bytes + reserveBytes)
      throw new AppError('EXHAUSTED', "Cannot upload: the server's disk is nearly full");
  }

  private required(): NonNullable<ResolvedApiConfig['uploads']> {
    if (this.settings) return this.settings;
    throw new AppError('UNAVAILABLE', 'Cannot upload: this data centre takes no uploads');
  }
}

/** The upload that a source names, of this team and ready; null for another kind of source. */
export async function uploadOf(
  { uploads }: Pick<Api, 'uploads'>,
  team: string,
  what: string,
  { upload }: Pick<CheckedSource, 'upload'>,
): Promise<StoredUpload | null> {
  return upload ? uploads.get(team, what, upload.id) : null;
}

/** Streams to a file that is on the disk when this resolves. */
async function store(
  request: IncomingMessage,
  { file, maxBytes, fileName }: { file: string; maxBytes: number; fileName: string },
): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  const format = formatOf(fileName);
  let sizeBytes = 0;
  let head = Buffer.alloc(0);
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) return done(tooLarge(maxBytes));
      if (head.length < 512) head = Buffer.concat([head, chunk.subarray(0, 512)]);
      hash.update(chunk);
      done(null, chunk);
    },
  });
  request.setTimeout(silenceMs, () =>
    request.destroy(new AppError('TIMEOUT', 'Cannot upload: nothing came for a minute')),
  );
  await pipeline(request, watch, createWriteStream(file, { mode: 0o600 })).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    throw new AppError('CANCELED', 'Cannot upload: the connection broke before the file was whole', {
      cause: error,
    });
  });
  if (sizeBytes === 0) throw new AppError('INVALID', 'Cannot upload: the file is empty');
  refuseOtherFormat(fileName, format, head);
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'INVALID',
    `Cannot upload: the file is larger than the limit of ${megabytes(maxBytes)}`,
  );
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}

function present({ sizeBytes, sha256, ...row }: UploadRecord): Upload {
  return {
    ...row,
    sha256,
    status: sha256 === null ? 'PENDING' : 'READY',
    sizeBytes: sizeBytes === null ? null : String(sizeBytes),
  };
}
