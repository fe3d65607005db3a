import { AppError } from '@skyarc/lib/errors';
import { encodeBatch, type StreamBlock } from '@skyarc/lib/log-block';
import {
  type EventLog,
  everything,
  type FollowBatch,
  type FollowPosition,
  type LogBlockPage,
  type LogPage,
} from '../event-log.ts';
import type { LocalLog } from '../local-log.ts';
import type { ReadQuery } from '../store/read.ts';
import { decodePage, encodePage } from '../store/read-blocks.ts';
import { withGaps } from './holes.ts';
import { generationSpan, type Member, type Members } from './members.ts';
import { mergePages } from './merge-pages.ts';
import { Peers } from './peers.ts';
import { ownerOf } from './ring.ts';

const pageLines = 1_000;

/** The right to add to a stream: asked for, then held until another node takes it over. */
interface Claim {
  taking: Promise<Claim>;
  isHeld: boolean;
}

/** A reader of a stream that another node owns. */
interface FollowedElsewhere {
  readonly stream: string;
  readonly owner: string;
  readonly moved: AbortController;
}

/**
 * The event log of several nodes. Each stream has one owner, which alone gives sequences; before it begins it
 * has all others give the stream up, so that sequences go on. Lines stay where they were stored: a reader
 * merges what the nodes hold.
 */
export class Cluster implements EventLog {
  private readonly local: LocalLog;
  private readonly members: Members;
  private readonly name: string;
  private readonly peers = new Peers();
  private readonly claims = new Map<string, Claim>();
  private readonly inFlight = new Map<string, Set<Promise<unknown>>>();
  private readonly elsewhere = new Set<FollowedElsewhere>();

  constructor(name: string, local: LocalLog, members: Members) {
    this.name = name;
    this.local = local;
    this.members = members;
  }

  close(): void {
    this.peers.close();
  }

  /** Removes what was removed while this node was away. */
  async catchUp(): Promise<void> {
    for (const stream of await this.members.takeRemovals()) {
      await this.local.remove([stream]);
      await this.members.forgetRemoval(stream);
    }
  }

  /** The lease is lost: others may own our streams now. */
  fence(): void {
    this.claims.clear();
    for (const stream of this.local.followers.streams()) this.local.followers.end(stream);
  }

  async append(items: readonly StreamBlock[]): Promise<number> {
    const byOwner = Map.groupBy(items, ({ stream }) => this.ownerOf(stream));
    const stored = await Promise.all(
      [...byOwner].map(([owner, owned]) =>
        owner.name === this.name
          ? this.appendOwned(owned)
          : this.peers.append(owner.url, encodeBatch(owned).subarray(4)),
      ),
    );
    return stored.reduce((sum, count) => sum + count, 0);
  }

  /** Of streams that belong to this node. Throws UNAVAILABLE when one does not. */
  async appendOwned(items: readonly StreamBlock[]): Promise<number> {
    const streams = [...new Set(items.map(({ stream }) => stream))];
    await Promise.all(streams.map((stream) => this.claim(stream)));
    // Since the claims were checked nothing was awaited: whoever takes a stream over now waits for us.
    const lost = streams.find((stream) => !this.claims.get(stream)?.isHeld);
    if (lost !== undefined) throw moved(lost);
    const storing = this.local.append(items);
    for (const stream of streams) this.noteInFlight(stream, storing);
    return storing;
  }

  room(bytes: number): Promise<() => void> {
    return this.local.room(bytes);
  }

  async read(stream: string, query: ReadQuery): Promise<LogPage> {
    return decodePage(await this.readBlocks(stream, query));
  }

  async readBlocks(stream: string, query: ReadQuery): Promise<LogBlockPage> {
    const { members } = this.members.view;
    const missingNodes: string[] = [];
    const answers = await Promise.all(
      members.map(async ({ name, url, alive }) => {
        if (name === this.name) return this.local.readBlocks(stream, query);
        const page = alive ? await this.peers.read(url, stream, query).catch(refusal) : null;
        if (page instanceof AppError) throw page;
        if (!page) missingNodes.push(name);
        return page;
      }),
    );
    const pages = answers.filter((page) => page !== null);
    const holders = pages.filter(({ blocks, more }) => more || blocks.length > 0);
    // A stream that never moved lies at one node, whose answer is the whole one.
    if (holders.length === 1 && holders[0]?.more) return { ...holders[0], missingNodes };
    return { ...encodePage(mergePages(pages.map(decodePage), query)), missingNodes };
  }

  async *follow(stream: string, position: FollowPosition, signal: AbortSignal): AsyncGenerator<FollowBatch> {
    const owner = this.ownerOf(stream);
    if (owner.name !== this.name) return yield* this.followAt(owner, stream, position, signal);
    const claim = await this.claim(stream);
    const held = await this.local.store.stream(stream);
    let cursor = await this.beginning(stream, position, held.lastSequence);
    yield { frames: [], gap: null, cursor };
    while (cursor < held.lastSequence && !signal.aborted) {
      const { lastSequence } = held;
      const page = await this.read(stream, { ...everything, cursor, backward: false, limit: pageLines });
      const end = page.more ? page.cursor : Math.max(lastSequence, page.frames.at(-1)?.sequence ?? 0);
      const unknownUpTo = this.unknownUpTo(page.missingNodes);
      yield* withGaps({ frames: page.frames, cursor, end, unknownUpTo });
      cursor = end;
    }
    // Given up meanwhile: lines go on elsewhere, and would be passed over here without a word. Nothing is
    // awaited between the comparison above and the first live line, so none falls between.
    if (this.claims.get(stream) !== claim) return;
    yield* this.local.live(stream, signal, position.sink);
  }

  /** A newer view: readers of streams that have another owner now end here and go on at their cursor. */
  endMoved(): void {
    for (const { stream, owner, moved } of this.elsewhere)
      if (ownerOf(stream, this.members.aliveNames) !== owner) moved.abort();
  }

  async remove(streams: readonly string[]): Promise<void> {
    for (const { name, url, alive } of this.members.view.members) {
      if (name === this.name) await this.local.remove(streams);
      else if (alive) await this.peers.calls(url).remove({ streams: [...streams], local: true });
      else for (const stream of streams) await this.members.noteRemoval(name, stream);
    }
    for (const stream of streams) this.claims.delete(stream);
  }

  /** Whether this node gives the stream its sequences. */
  owns(stream: string): boolean {
    return this.members.isMember && ownerOf(stream, this.members.aliveNames) === this.name;
  }

  describe(stream: string) {
    const { members } = this.members.view;
    const owner = stream ? ownerOf(stream, this.members.aliveNames) : '';
    return {
      node: this.name,
      nodes: members.map(({ name, url, alive }) => ({ name, url, alive })),
      owner: owner ?? '',
    };
  }

  /** Gives a stream up to the node that owns it in a newer view. Throws CONFLICT for an older one. */
  async release(stream: string, revision: number) {
    if (revision > this.members.view.revision) await this.members.refresh();
    else if (ownerOf(stream, this.members.aliveNames) === this.name && revision < this.members.view.revision)
      throw new AppError('CONFLICT', `Stream "${stream}" belongs to ${this.name}`);
    this.claims.delete(stream);
    await Promise.allSettled(this.inFlight.get(stream) ?? new Set<Promise<unknown>>());
    const held = await this.local.store.stream(stream);
    this.local.followers.end(stream);
    return {
      lastSequence: BigInt(held.lastSequence),
      positions: Object.fromEntries([...held.positions].map(([producer, seq]) => [producer, BigInt(seq)])),
    };
  }

  private ownerOf(stream: string): Member {
    if (!this.members.isMember) throw new AppError('UNAVAILABLE', 'The event log cannot see its cluster');
    const name = ownerOf(stream, this.members.aliveNames);
    const owner = this.members.view.members.find((member) => member.name === name);
    if (!owner) throw new AppError('UNAVAILABLE', 'The event log has no nodes');
    return owner;
  }

  /** Makes sure that nobody else adds to the stream and that our sequences follow all others. */
  private claim(stream: string): Promise<Claim> {
    if (this.ownerOf(stream).name !== this.name) return Promise.reject(moved(stream));
    const known = this.claims.get(stream);
    if (known) return known.taking;
    const claim: Claim = {
      isHeld: false,
      taking: this.takeOver(stream).then(
        () => {
          claim.isHeld = true;
          return claim;
        },
        (error: unknown) => {
          if (this.claims.get(stream) === claim) this.claims.delete(stream);
          throw error;
        },
      ),
    };
    this.claims.set(stream, claim);
    return claim.taking;
  }

  private async takeOver(stream: string): Promise<void> {
    const { members, revision } = this.members.view;
    const others = members.filter(({ name }) => name !== this.name);
    const held = await Promise.all(
      others.map(async ({ name, url, alive, lostGeneration }) => {
        if (!alive) {
          if (lostGeneration === undefined)
            throw new AppError('UNAVAILABLE', `The loss of ${name} is not settled yet`);
          return { lastSequence: lostGeneration * generationSpan, positions: new Map<string, number>() };
        }
        const answer = await this.peers
          .calls(url)
          .release({ stream, epoch: BigInt(revision) }, { timeoutMs: 5_000 });
        const positions = Object.entries(answer.positions).map(([key, seq]) => [key, Number(seq)] as const);
        return { lastSequence: Number(answer.lastSequence), positions: new Map(positions) };
      }),
    );
    const own = await this.local.store.stream(stream);
    for (const { lastSequence, positions } of held) own.beginAt(lastSequence + 1, positions);
  }

  private async *followAt(
    { name, url }: Member,
    stream: string,
    position: FollowPosition,
    signal: AbortSignal,
  ): AsyncGenerator<FollowBatch> {
    const followed = { stream, owner: name, moved: new AbortController() };
    this.elsewhere.add(followed);
    try {
      yield* this.peers.follow(url, stream, position, AbortSignal.any([signal, followed.moved.signal]));
    } finally {
      this.elsewhere.delete(followed);
    }
  }

  /** The highest sequence that these nodes may hold. */
  private unknownUpTo(missingNodes: readonly string[]): number {
    const bounds = missingNodes.map((missing) => {
      const member = this.members.view.members.find(({ name }) => name === missing);
      return member?.lostGeneration === undefined
        ? Number.POSITIVE_INFINITY
        : member.lostGeneration * generationSpan;
    });
    return Math.max(0, ...bounds);
  }

  private noteInFlight(stream: string, storing: Promise<unknown>): void {
    const running = this.inFlight.get(stream) ?? new Set();
    this.inFlight.set(stream, running.add(storing));
    const forget = (): void => {
      running.delete(storing);
      if (running.size === 0 && this.inFlight.get(stream) === running) this.inFlight.delete(stream);
    };
    storing.then(forget, forget);
  }

  private async beginning(
    stream: string,
    { cursor, tail }: FollowPosition,
    lastSequence: number,
  ): Promise<number> {
    if (tail > 0) {
      const query = { ...everything, cursor: 0, backward: true, limit: Math.min(tail, 10_000) };
      const { frames } = await this.read(stream, query);
      return frames[0] ? frames[0].sequence - 1 : lastSequence;
    }
    return cursor < 0 ? lastSequence : Math.min(cursor, lastSequence);
  }
}

/** What the asker did wrong is passed on; a node that cannot answer is missing. */
function refusal(error: unknown): AppError | null {
  return error instanceof AppError && error.code === 'INVALID' ? error : null;
}

function moved(stream: string): AppError {
  return new AppError('UNAVAILABLE', `Stream "${stream}" has another owner`, {
    details: { retryAfterMs: 100 },
  });
}
