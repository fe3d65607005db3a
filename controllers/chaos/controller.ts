import { join } from 'node:path';
import { builtSource, buildTask, isFinal, type OperationStatus } from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import { check } from '@skyarc/lib/input';
import { createLogger } from '@skyarc/lib/log';
import type { Delivery, MqClient } from '@skyarc/lib/mq-client';
import { sleep } from '@skyarc/lib/retry';
import {
  type DataCenterDatabase,
  type DataCenterTransaction,
  type EventLogSink,
  OperationJournal,
  readSettings,
  relayOutbox,
} from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import { BuildLog } from './build-log.ts';
import { BuildClaim } from './claim.ts';
import { ownerPrefixOf } from './config.ts';
import type { BuildMetrics } from './metrics.ts';
import { trimDisks } from './sandbox/disk.ts';
import type { Shared } from './shared.ts';
import { buildAndHandOver } from './steps/index.ts';
import type { BuildRun } from './steps/run.ts';

export interface ControllerDeps {
  readonly db: DataCenterDatabase;
  readonly mq: Pick<MqClient, 'publish'>;
  readonly eventlog: Pick<EventLogClient, 'writer'>;
  readonly sink: EventLogSink;
  readonly metrics: BuildMetrics;
}

const log = createLogger('chaos');
const cancelPollMs = 400;
/** Arguments of a DEPLOY. */
const wishesShape = z.object({
  noCache: z.boolean().default(false),
  rebaseOf: z.string().nullable().default(null),
});

/** Carries out build tasks; see README.md for its loop. */
export class Controller {
  private shared: Shared;
  private readonly deps: ControllerDeps;
  /** Fires when the service stops. */
  private readonly stopping: AbortSignal;

  constructor(shared: Shared, deps: ControllerDeps, stopping: AbortSignal) {
    this.shared = shared;
    this.deps = deps;
    this.stopping = stopping;
  }

  /** Builds that begin from now on work with this. */
  renew(shared: Shared): void {
    this.shared = shared;
  }

  /** Handles one task; throws only to have it handed out again. */
  async handle(delivery: Pick<Delivery, 'body' | 'signal'>): Promise<void> {
    const task = check('Cannot read the task', buildTask, delivery.body);
    const { db, sink } = this.deps;
    const [journal, { allowPrivateSources }, build] = await Promise.all([
      OperationJournal.open(db, task.operationId, sink),
      readSettings(db),
      db.build.findUnique({
        where: { id: task.buildId },
        include: { app: { include: { team: true } } },
      }),
    ]);
    if (!journal || !build || isFinal(build.status as OperationStatus)) return;
    const owner = `${ownerPrefixOf(this.shared.config)}${process.pid}`;
    const claim = await BuildClaim.take(db, build.id, owner);
    if (!claim) {
      throw new AppError('CONFLICT', 'Another builder works on this build', {
        details: { retryAfterMs: 5_000 },
      });
    }
    const limits = new Limits({ journal, timeoutSec: build.app.buildTimeoutSec });
    const givenUp = AbortSignal.any([claim.lost, delivery.signal, this.stopping]);
    const signal = AbortSignal.any([givenUp, limits.signal]);
    try {
      await this.work({ task, build, journal, signal, givenUp, owner, allowPrivateSources });
    } finally {
      limits.end();
      await claim.release().catch(() => undefined);
      sink.notify(task.team, { kind: 'build', id: build.id, appId: build.appId });
    }
  }

  private async work(
    what: Pick<BuildRun, 'task' | 'journal' | 'signal'> & {
      readonly build: BuildRun['build'] & { readonly app: BuildRun['app'] };
      readonly givenUp: AbortSignal;
      readonly owner: string;
      readonly allowPrivateSources: boolean;
    },
  ): Promise<void> {
    const { task, build, journal, signal, givenUp, owner, allowPrivateSources } = what;
    const { db, eventlog, metrics } = this.deps;
    const { logLines: maxLines, logBytes: maxBytes } = this.shared.config.limits;
    const buildLog = new BuildLog({ eventlog, buildId: build.id, maxLines, maxBytes });
    const end = metrics.begin();
    try {
      const wishes = wishesShape.parse(JSON.parse(journal.operation.arguments));
      const run: BuildRun = {
        task,
        build,
        journal,
        signal,
        db,
        owner,
        app: build.app,
        startedAt: new Date(),
        isResumed: build.status === 'RUNNING',
        source: builtSource.parse(JSON.parse(build.app.source)),
        log: buildLog,
        shared: this.shared,
        registry: this.shared.registry.with({
          signal,
          onWait: (reason) => journal.say(`Waiting for the registry: ${reason}`, 'warn'),
        }),
        isFresh: wishes.noCache,
        rebaseOf: wishes.rebaseOf,
        allowPrivate: allowPrivateSources,
      };
      await buildAndHandOver(run);
      end('SUCCEEDED');
      await relayOutbox(db, (message) => this.deps.mq.publish(message)).catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'the next task is published later'),
      );
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : error;
      if (givenUp.aborted) {
        buildLog.write('This builder stops; the build begins again on the next one', 'warn');
        end('INTERRUPTED');
        throw reason;
      }
      end(await this.fail({ build, journal, owner }, buildLog, reason));
    } finally {
      await buildLog.close().catch(() => undefined);
      await this.trimDisks().catch(() => undefined);
    }
  }

  private async trimDisks(): Promise<void> {
    const { config, disks } = this.shared;
    await trimDisks(join(config.dataDir, 'disks'), config.limits.cacheMb);
    await disks.dropGone();
  }

  /** Build and operation end together. Answers the build's final status. */
  private async fail(
    { build, journal, owner }: { build: BuildRun['build']; journal: OperationJournal; owner: string },
    buildLog: BuildLog,
    error: unknown,
  ): Promise<OperationStatus> {
    const known = error instanceof AppError && error.code !== 'INTERNAL' ? error : undefined;
    const ends: Partial<Record<string, OperationStatus>> = { CANCELED: 'CANCELED', TIMEOUT: 'TIMED_OUT' };
    const status = ends[known?.code ?? ''] ?? 'FAILED';
    const message = buildLog.redact(
      known?.message ?? 'Something went wrong on our side; the log has the details',
    );
    if (!known) log.error({ err: error, buildId: build.id }, 'build failed on our side');
    buildLog.write(message, 'error');
    const shown = new AppError(known?.code ?? 'INTERNAL', message);
    const endBuild = async (tx: DataCenterTransaction): Promise<void> => {
      await tx.build.updateMany({
        where: { id: build.id, claimedBy: owner, status: { in: ['QUEUED', 'RUNNING'] } },
        data: { status, message, proof: proofOf(known, buildLog), finishedAt: new Date() },
      });
    };
    // Somebody else may have ended the operation, who could not end the build.
    if (!(await journal.fail(shown, endBuild))) await endBuild(this.deps.db);
    return status;
  }
}

/** Lines of the log, or of what fetched the source, as JSON. */
function proofOf(error: AppError | undefined, buildLog: BuildLog): string | null {
  const lines = error?.details['proof'];
  if (!Array.isArray(lines) || lines.length === 0) return null;
  return JSON.stringify(lines.map((line) => buildLog.redact(String(line))));
}

/** Fires when the operation's owner cancels or the time is up. */
class Limits {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly ended = new AbortController();

  constructor({ journal, timeoutSec }: { journal: OperationJournal; timeoutSec: number }) {
    this.timer = setTimeout(
      () =>
        this.fire('TIMEOUT', `The build took more than its limit of ${timeoutSec} seconds and was stopped`),
      timeoutSec * 1000,
    );
    void this.watch(journal);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  end(): void {
    clearTimeout(this.timer);
    this.ended.abort();
  }

  private async watch(journal: OperationJournal): Promise<void> {
    // Each step looks at its beginning, too: a short build is not asked about any more.
    for (;;) {
      await sleep(cancelPollMs, this.ended.signal).catch(() => undefined);
      if (this.ended.signal.aborted) return;
      const reason = await journal.cancelReason().catch(() => null);
      if (reason !== null) return this.fire('CANCELED', reason);
    }
  }

  private fire(code: 'TIMEOUT' | 'CANCELED', message: string): void {
    this.controller.abort(new AppError(code, message));
  }
}
