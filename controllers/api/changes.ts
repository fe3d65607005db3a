import { changeNotice, type ChangeNotice, streamOf } from '@skyarc/lib/contracts';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import { Channel } from '@skyarc/lib/graphql';
import type { Logger } from '@skyarc/lib/log';
import type { JournalSink } from '@skyarc/prisma/datacenter';
import type { Cluster } from './cluster.ts';

type Listener = (notice: ChangeNotice) => void;

interface TeamFeed {
  readonly listeners: Set<Listener>;
  readonly stop: AbortController;
}

/** At most five events a second for one thing. */
const minIntervalMs = 200;

/**
 * What has changed, by team: notices of all services through the event log, our own at once. A notice says
 * only what to look at again; whoever listens also looks again regularly, so a lost one does little harm.
 */
export class Changes {
  private readonly eventLog: EventLogClient;
  private readonly sink: JournalSink;
  private readonly cluster: Cluster;
  private readonly log: Logger;
  private readonly refreshEveryMs: number;
  private readonly feeds = new Map<string, TeamFeed>();
  private readonly open = new Set<{ end(): void }>();

  constructor(deps: {
    readonly eventLog: EventLogClient;
    readonly sink: JournalSink;
    readonly cluster: Cluster;
    readonly log: Logger;
    readonly refreshEveryMs: number;
  }) {
    this.eventLog = deps.eventLog;
    this.sink = deps.sink;
    this.cluster = deps.cluster;
    this.log = deps.log;
    this.refreshEveryMs = deps.refreshEveryMs;
  }

  /** Tells everybody, those in this process at once. */
  announce(team: string, notice: ChangeNotice): void {
    this.sink.notify(team, notice);
    for (const listener of this.feeds.get(team)?.listeners ?? []) listener(notice);
  }

  /** Called with each notice of a team; answers its removal. */
  listen(team: string, listener: Listener): () => void {
    const feed = this.feeds.get(team) ?? this.follow(team);
    feed.listeners.add(listener);
    return () => {
      feed.listeners.delete(listener);
      if (feed.listeners.size > 0) return;
      feed.stop.abort();
      if (this.feeds.get(team) === feed) this.feeds.delete(team);
    };
  }

  /**
   * The present value, then the value after each change that `concerns` it, at most five times a second.
   * Ends after the value for which `isLast` holds.
   */
  watch<T>(options: {
    readonly team: string;
    readonly concerns: (notice: ChangeNotice) => boolean;
    /** Also the pods of this app. */
    readonly appId?: string;
    readonly read: () => Promise<T>;
    readonly isLast: (value: T) => boolean;
  }): Channel<T> {
    const removals: (() => void)[] = [];
    const channel = new Channel<T>(() => {
      this.open.delete(channel);
      for (const remove of removals) remove();
    });
    this.open.add(channel);
    const pulse = new Pulse(
      async () => {
        const value = await options.read();
        channel.push(value);
        if (options.isLast(value)) channel.end();
      },
      (error) => channel.end(error),
    );
    const timer = setInterval(() => pulse.beat(), this.refreshEveryMs);
    removals.push(
      this.listen(options.team, (notice) => {
        if (options.concerns(notice)) pulse.beat();
      }),
      () => clearInterval(timer),
      () => pulse.stop(),
    );
    const { appId } = options;
    if (appId !== undefined) {
      removals.push(
        this.cluster.onPodChange((changed) => {
          if (changed === appId) pulse.beat();
        }),
      );
    }
    pulse.beat();
    return channel;
  }

  /** Ends every subscription. */
  stop(): void {
    for (const channel of this.open) channel.end();
    for (const feed of this.feeds.values()) feed.stop.abort();
  }

  private follow(team: string): TeamFeed {
    const feed = { listeners: new Set<Listener>(), stop: new AbortController() };
    this.feeds.set(team, feed);
    void this.pump(team, feed).catch((error: unknown) =>
      this.log.error({ err: error, team }, 'change feed failed'),
    );
    return feed;
  }

  private async pump(team: string, feed: TeamFeed): Promise<void> {
    const batches = this.eventLog.follow({
      stream: streamOf.changes(team),
      cursor: -1,
      signal: feed.stop.signal,
    });
    for await (const { frames } of batches) {
      for (const { line } of frames) {
        const notice = parseNotice(line);
        if (notice) for (const listener of feed.listeners) listener(notice);
      }
    }
  }
}

function parseNotice(line: string): ChangeNotice | undefined {
  try {
    return changeNotice.parse(JSON.parse(line));
  } catch {
    // Of another release: the regular look will find what it meant.
    return undefined;
  }
}

/** Runs work on each beat, one at a time, never sooner than the interval; beats meanwhile count as one. */
export class Pulse {
  private readonly work: () => Promise<void>;
  private readonly fail: (error: unknown) => void;
  private state: 'idle' | 'running' | 'again' | 'stopped' = 'idle';
  private timer: NodeJS.Timeout | undefined;

  constructor(work: () => Promise<void>, fail: (error: unknown) => void) {
    this.work = work;
    this.fail = fail;
  }

  beat(): void {
    if (this.state === 'running') this.state = 'again';
    if (this.state !== 'idle') return;
    this.state = 'running';
    this.work().then(
      () => {
        this.timer = setTimeout(() => this.rest(), minIntervalMs);
      },
      (error: unknown) => {
        this.stop();
        this.fail(error);
      },
    );
  }

  stop(): void {
    this.state = 'stopped';
    clearTimeout(this.timer);
  }

  private rest(): void {
    const isDue = this.state === 'again';
    if (this.state === 'stopped') return;
    this.state = 'idle';
    if (isDue) this.beat();
  }
}
