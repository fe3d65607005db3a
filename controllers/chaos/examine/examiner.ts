import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { builtSource, type ExaminationResult, examineTask } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { createLogger } from '@skyarc/lib/log';
import type { Delivery } from '@skyarc/lib/mq-client';
import { type DataCenterDatabase, type ExaminationRecord, readSettings } from '@skyarc/prisma/datacenter';
import { examine } from '../buildpacks/examine.ts';
import { AppDisk } from '../sandbox/disk.ts';
import type { Shared } from '../shared.ts';
import { ImageSource } from '../sources/image.ts';
import { enterSubdirectory, type FileSource, openSource } from '../sources/open.ts';
import { nobody } from '../sources/remote.ts';
import { SourceTree } from '../sources/tree.ts';
import { ExaminationLog } from './examination-log.ts';
import { problem, reportOfFiles, reportOfImage } from './report.ts';

const log = createLogger('chaos');

/** What one examination works with. */
interface Work {
  readonly row: ExaminationRecord;
  readonly said: ExaminationLog;
  readonly allowPrivate: boolean;
  readonly signal: AbortSignal;
}

/** Looks at sources before apps are made of them: fetches, recognises, runs nothing of it, keeps nothing. */
export class Examiner {
  private readonly shared: Shared;
  private readonly db: DataCenterDatabase;
  /** Fires when the service stops. */
  private readonly stopping: AbortSignal;

  constructor(shared: Shared, db: DataCenterDatabase, stopping: AbortSignal) {
    this.shared = shared;
    this.db = db;
    this.stopping = stopping;
  }

  /** Removes what an earlier life left half-done on the disk. */
  async sweep(): Promise<void> {
    await rm(this.disksFolder, { recursive: true, force: true });
  }

  /** Handles one task; throws only to have it handed out again. */
  async handle(delivery: Pick<Delivery, 'body' | 'signal'>): Promise<void> {
    const { examinationId: id } = check('Cannot read the task', examineTask, delivery.body);
    const { count } = await this.db.examination.updateMany({
      where: { id, status: { in: ['QUEUED', 'RUNNING'] } },
      data: { status: 'RUNNING' },
    });
    const row = count === 1 ? await this.db.examination.findUnique({ where: { id } }) : null;
    if (!row) return;
    const givenUp = AbortSignal.any([delivery.signal, this.stopping]);
    const { examineTimeoutMs } = this.shared.config.limits;
    const timeout = new AbortController();
    const timer = setTimeout(() => {
      const seconds = Math.round(examineTimeoutMs / 1000);
      timeout.abort(new AppError('TIMEOUT', `The check took more than ${seconds} seconds`));
    }, examineTimeoutMs);
    const said = new ExaminationLog(this.db, id);
    try {
      const { allowPrivateSources: allowPrivate } = await readSettings(this.db);
      const signal = AbortSignal.any([givenUp, timeout.signal]);
      await this.finish(said, id, await this.look({ row, said, allowPrivate, signal }));
    } catch (error) {
      if (givenUp.aborted) throw error;
      await this.fail(said, id, timeout.signal.aborted ? timeout.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
  }

  private async look(work: Work): Promise<ExaminationResult> {
    const source = builtSource.parse(JSON.parse(work.row.source));
    return source.kind === 'IMAGE' ? this.lookAtImage(work, source.image) : this.lookAtFiles(work, source);
  }

  private async lookAtImage(
    { row, said, allowPrivate, signal }: Work,
    text: string,
  ): Promise<ExaminationResult> {
    const { secrets } = this.shared;
    const { teamName } = row;
    const hide = (secret: string) => said.hide(secret);
    const source = await ImageSource.open(text, {
      db: this.db,
      secrets,
      teamName,
      allowPrivate,
      hide,
      signal,
    });
    await said.write(`Looking for ${source.description}`);
    const image = await source.read();
    const megabytes = Math.ceil(image.sizeBytes / 2 ** 20);
    await said.write(`Found it at ${image.digest}: ${image.layers.length} layers, ${megabytes} MiB`);
    return { revision: image.digest, ...reportOfImage(image, text) };
  }

  private async lookAtFiles(
    { row, said, allowPrivate, signal }: Work,
    stored: FileSource,
  ): Promise<ExaminationResult> {
    const { place, config } = this.shared;
    const name = row.id.split('.')[2] ?? '';
    const folder = join(place.room, `examine-${name}`);
    const file = join(this.disksFolder, `${name}.ext4`);
    const fetching = join(folder, 'fetch');
    await mkdir(fetching, { recursive: true, mode: 0o711 });
    await chown(fetching, nobody.uid, nobody.gid);
    const sizeMb = config.limits.sourceMb;
    const disk = await AppDisk.open({ file, mountPoint: join(folder, 'disk'), sizeMb });
    try {
      const source = openSource(stored, {
        shared: this.shared,
        teamName: row.teamName,
        sshPrivateKey: (await this.db.team.findUniqueOrThrow({ where: { name: row.teamName } }))
          .sshPrivateKey,
        secret: { sealed: row.sourceSecret, place: `source:${row.id}` },
        allowPrivate,
        folder: fetching,
        hide: (secret) => said.hide(secret),
        signal,
      });
      await said.write(`Looking for ${source.description}`);
      const revision = await source.identify();
      const workspace = await disk.freshFolder('workspace');
      await chown(workspace, nobody.uid, nobody.gid);
      const files = join(workspace, 'source');
      const fetched = await source.fetch(revision, files);
      await said.write(`Fetched ${fetched.id}${fetched.author ? ` by ${fetched.author}` : ''}`);
      const tree = new SourceTree(await enterSubdirectory(stored, files));
      await said.write(`It has ${(await tree.names()).slice(0, 20).join(', ') || 'no files'}`);
      const seen = await examine(tree, { buildpack: row.buildpack });
      for (const { buildpack, reason } of seen.candidates)
        await said.write(`${buildpack} would take it, by ${reason}`);
      return { revision: fetched.id, ...reportOfFiles(seen) };
    } finally {
      await disk.close();
      await rm(file, { force: true });
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  private async finish(said: ExaminationLog, id: string, result: ExaminationResult): Promise<void> {
    const { found } = result;
    const wrong = result.problems.find(({ severity }) => severity === 'ERROR');
    const message = found
      ? `${found.language}${found.version ? ` ${found.version}` : ''}: ${found.reason}`
      : (wrong?.message ?? 'Choose the module that is to be an app');
    const isUsable = found !== null || result.modules.length > 0;
    await this.end(said, id, { status: isUsable ? 'SUCCEEDED' : 'FAILED', message, result });
  }

  private async fail(said: ExaminationLog, id: string, error: unknown): Promise<void> {
    const known = error instanceof AppError && error.code !== 'INTERNAL' ? error : undefined;
    if (!known) log.error({ err: error, examinationId: id }, 'examination failed on our side');
    const message = said.redact(known?.message ?? 'Something went wrong on our side; try again');
    const problems = [problem('ERROR', message)];
    await this.end(said, id, {
      status: 'FAILED',
      message,
      result: { revision: null, found: null, modules: [], problems },
    });
  }

  private async end(
    said: ExaminationLog,
    id: string,
    { status, message, result }: { status: string; message: string; result: ExaminationResult },
  ): Promise<void> {
    await said.write(message);
    await this.db.examination.updateMany({
      where: { id, status: 'RUNNING' },
      data: { status, message, result: JSON.stringify(result), finishedAt: new Date() },
    });
  }

  private get disksFolder(): string {
    return join(this.shared.config.dataDir, 'examinations');
  }
}
