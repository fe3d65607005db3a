import type { TerminalEnd, TerminalGrantClaims } from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import type { Audit } from './audit.ts';
import type { ResolvedWebcliConfig } from './config.ts';
import { ensureDebugContainer } from './exec/debug.ts';
import { hangUp } from './exec/hang-up.ts';
import { type Leader, startCommand, startShell } from './exec/shell.ts';
import type { Metrics } from './metrics.ts';
import { Recorder } from './recording/recorder.ts';
import type { RecordingStore } from './recording/store.ts';
import { Session, type SessionEnd } from './session.ts';

export interface SessionsDeps {
  readonly config: ResolvedWebcliConfig;
  readonly kube: KubeClient;
  readonly audit: Audit;
  readonly recordings: RecordingStore;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** All sessions of this instance, with or without a tab. */
export class Sessions {
  private readonly deps: SessionsDeps;
  private readonly byId = new Map<string, Session>();
  /** Being opened: they count for the limits. */
  private readonly opening = new Map<string, TerminalGrantClaims>();
  private readonly endings = new Set<Promise<void>>();
  private draining = false;

  constructor(deps: SessionsDeps) {
    this.deps = deps;
  }

  get isDraining(): boolean {
    return this.draining;
  }

  list(): Session[] {
    return [...this.byId.values()];
  }

  find(id: string): Session | undefined {
    return this.byId.get(id);
  }

  /** Comes back to a session. Throws NOT_FOUND when it has ended, FORBIDDEN when it is another person's. */
  resume(claims: TerminalGrantClaims): Session {
    const session = this.byId.get(claims.session);
    if (!session) throw new AppError('NOT_FOUND', 'This session has ended');
    if (session.claims.actor !== claims.actor) {
      throw new AppError('FORBIDDEN', 'This session is another person’s');
    }
    return session;
  }

  /** Starts the process and the record of a new session; `say` tells what is waited for. */
  async open(claims: TerminalGrantClaims, say: (message: string) => void): Promise<Session> {
    const { audit } = this.deps;
    this.checkLimits(claims);
    this.opening.set(claims.session, claims);
    try {
      await audit.begin(claims);
      try {
        const session = await this.start(claims, say);
        this.byId.set(claims.session, session);
        session.begin();
        return session;
      } catch (error) {
        await audit.failed(claims.session, messageOf(error));
        throw error;
      }
    } finally {
      this.opening.delete(claims.session);
    }
  }

  /** Ends a session; false when there is none. */
  end(id: string, end: TerminalEnd): boolean {
    const session = this.byId.get(id);
    session?.finish({ end, exitCode: null, message: null });
    return session !== undefined;
  }

  /** Takes no more, asks the tabs to go elsewhere, waits a little, ends what is left and its records. */
  async drain(): Promise<void> {
    this.draining = true;
    for (const session of this.byId.values()) session.tell({ type: 'draining' });
    const until = Date.now() + this.deps.config.drainMs;
    while (Date.now() < until && this.list().some((one) => one.hasClient)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const id of this.byId.keys()) this.end(id, 'SHUT_DOWN');
    await Promise.all(this.endings);
  }

  private async start(claims: TerminalGrantClaims, say: (message: string) => void): Promise<Session> {
    const { config, kube, audit, recordings, metrics } = this.deps;
    const { namespace, pod, command, debug } = claims;
    const container = debug ? await ensureDebugContainer(kube, { ...claims, config, say }) : claims.container;
    const place = { namespace, pod, container };
    const { kubeConfig } = kube.transport;
    const process = command?.length
      ? await startCommand(kubeConfig, place, command)
      : await startShell(kubeConfig, place);
    const recorder = claims.record
      ? new Recorder({
          file: recordings.fileOf(claims.session),
          cols: 80,
          rows: 24,
          title: `${pod}/${container}`,
          limitBytes: config.recordingLimitBytes,
          onFull: () => session.tell({ type: 'recording-full' }),
        })
      : undefined;
    const session: Session = new Session({
      config,
      claims,
      container,
      process,
      recorder,
      onEnd: (ended, how) => this.close(ended, how, { recorder, leader: process.leader }),
    });
    metrics.begun.inc({ kind: debug ? 'debug' : command?.length ? 'command' : 'shell' });
    await audit.started(claims.session, { container, command: process.command });
    return session;
  }

  private close(
    session: Session,
    how: SessionEnd,
    { recorder, leader }: { readonly recorder: Recorder | undefined; readonly leader: Leader | null },
  ): void {
    const { audit, metrics, log, kube } = this.deps;
    const { namespace, pod } = session.claims;
    this.byId.delete(session.claims.session);
    metrics.ended.inc({ end: how.end });
    metrics.bytesIn.inc(session.bytesIn);
    metrics.bytesOut.inc(session.bytesOut);
    const ending = (async () => {
      const recordingBytes = recorder ? await recorder.close() : null;
      await audit.ended(session, how, recordingBytes);
      if (how.end !== 'EXITED' && leader)
        await hangUp(kube, { namespace, pod, container: session.container }, leader);
    })()
      .catch((error: unknown) => log.error({ err: error }, 'cannot clear away a session'))
      .finally(() => this.endings.delete(ending));
    this.endings.add(ending);
  }

  private checkLimits({ actor, session }: TerminalGrantClaims): void {
    const { sessionLimit, sessionsPerActor } = this.deps.config;
    const all = [...this.list().map(({ claims }) => claims), ...this.opening.values()];
    if (this.draining) throw new AppError('UNAVAILABLE', 'This terminal service is stopping; try again');
    if (all.some((one) => one.session === session))
      throw new AppError('CONFLICT', 'This session has begun already');
    if (all.length >= sessionLimit) throw new AppError('EXHAUSTED', 'Too many terminals are open here');
    if (all.filter((one) => one.actor === actor).length >= sessionsPerActor) {
      throw new AppError('EXHAUSTED', `You have ${sessionsPerActor} terminals open; close one first`);
    }
  }
}
