import type { Group } from './group.ts';
import type { Member } from './member.ts';
import { type Claimable, claimableAtOnce } from './plan.ts';
import type { EarlyClaims } from './publisher.ts';
import type { DeliveryRecord } from './store/records.ts';
import type { GroupView } from './store/topic-view.ts';
import { Tokens } from './tokens.ts';
import { Turns } from './turns.ts';

/** A hand-out before and after it is written. */
export interface Claim extends Claimable {
  readonly member: Member;
  readonly record: DeliveryRecord;
  /** Whether somebody let its deadline pass. */
  readonly isAgain: boolean;
}

export interface ClaimsOptions {
  readonly group: Group;
  /** Gives back what a member did not take. */
  readonly release: (deliveryId: string) => void;
  readonly count: (what: 'delivered' | 'expired', many: number) => void;
  /** A transaction was not answered: until when its hand-outs keep their members' places has to be watched. */
  readonly onDoubt: () => void;
}

/** The members of a group at this node, and the hand-outs on their way to them. */
export class Claims {
  readonly turns = new Turns();
  private readonly options: ClaimsOptions;
  private readonly members = new Set<Member>();
  /** Those whose transaction was not answered: they are ours if the watch says so. */
  private unsure: Claim[] = [];
  /** Those that a publisher is writing. */
  private readonly early = new Set<Claim>();
  private readonly tokens = new Tokens();

  constructor(options: ClaimsOptions) {
    this.options = options;
  }

  join(member: Member): void {
    this.members.add(member);
  }

  /** Hand-outs that the member did not take go back at once. */
  leave(member: Member): void {
    this.members.delete(member);
    for (const { deliveryId } of member.close()) this.options.release(deliveryId);
  }

  get consumers(): number {
    return this.members.size;
  }

  get capacity(): number {
    return [...this.members].reduce((sum, member) => sum + Math.max(0, member.capacity), 0);
  }

  /** A hand-out to the member that is to have it; it counts as with that member from now on. */
  make(claimable: Claimable): Claim {
    const now = Date.now();
    const member = [...this.members].reduce((best, each) =>
      each.rankAt(now) > best.rankAt(now) ? each : best,
    );
    const deliveryId = `${claimable.sequence}-${this.tokens.next()}`;
    const { ackDeadlineMs, maxAttempts } = member.options;
    member.inFlight.set(claimable.sequence, deliveryId);
    const untilMs = Date.now() + ackDeadlineMs;
    const { attempt, sequence } = claimable;
    return {
      ...claimable,
      member,
      isAgain: this.options.group.view?.deliveries.get(sequence)?.state === 'out',
      record: { state: 'out', deliveryId, attempt, untilMs, maxAttempts, reason: '' },
    };
  }

  /** Of messages that are about to be published, at most so many, as far as members are free for them. */
  makeEarly(published: () => readonly Claimable[], atMost: number): EarlyClaims | null {
    const { group } = this.options;
    const { view } = group;
    const capacity = Math.min(this.capacity, atMost);
    if (!view || view.cursorRevision === 0 || capacity <= 0) return null;
    const topic = group.cache.topic(group.topic);
    const free = claimableAtOnce(topic, view, published(), { capacity, now: Date.now() });
    if (free.length === 0) return null;
    const claims = free.map((claimable) => this.make(claimable));
    for (const claim of claims) this.early.add(claim);
    const ending =
      (end: (claims: readonly Claim[]) => void): (() => void) =>
      () => {
        for (const claim of claims) this.early.delete(claim);
        end(claims);
      };
    return {
      records: claims.map(({ sequence, record }) => ({
        key: group.deliveryKey(sequence),
        value: JSON.stringify(record),
      })),
      confirm: ending((all) => this.confirm(all)),
      drop: ending((all) => this.drop(all)),
      doubt: ending((all) => this.doubt(all)),
    };
  }

  /** They are written: their members get them. */
  confirm(claims: readonly Claim[]): void {
    const { count } = this.options;
    count('delivered', claims.length);
    count('expired', claims.filter(({ isAgain }) => isAgain).length);
    for (const claim of claims) {
      this.turns.take(claim);
      this.handOver(claim);
    }
  }

  /** They are not written. */
  drop(claims: readonly Claim[]): void {
    for (const { member, sequence } of claims) member.inFlight.delete(sequence);
  }

  /** Nobody knows. */
  doubt(claims: readonly Claim[]): void {
    this.unsure.push(...claims);
    this.options.onDoubt();
  }

  /** When the first doubt ends by itself, as its deadline has passed; Infinity without one. */
  get doubtUntilMs(): number {
    return Math.min(Infinity, ...this.unsure.map(({ record }) => record.untilMs));
  }

  /** Takes in what the watch said of hand-outs: doubts that are over, and what members have no more. */
  follow(view: GroupView): void {
    const now = Date.now();
    const open = this.unsure;
    this.unsure = [];
    for (const claim of open) {
      const isOurs = view.deliveries.get(claim.sequence)?.deliveryId === claim.record.deliveryId;
      if (isOurs) this.handOver(claim);
      else if (claim.record.untilMs > now) this.unsure.push(claim);
    }
    for (const member of this.members) prune(member, view, [...this.unsure, ...this.early]);
  }

  private handOver({ member, sequence, record, message }: Claim): void {
    const { deliveryId, attempt, untilMs } = record;
    if (!member.deliver({ deliveryId, sequence, attempt, message, deadlineMs: untilMs }))
      this.options.release(deliveryId);
  }
}

/** Forgets what a member has no more, and remembers that it let a deadline pass. */
function prune(member: Member, view: GroupView, open: readonly Claim[]): void {
  const now = Date.now();
  for (const [sequence, deliveryId] of member.inFlight) {
    const record = view.deliveries.get(sequence);
    const isSame = record?.deliveryId === deliveryId;
    const isOut = isSame && record.state === 'out' && record.untilMs > now;
    if (record && (!isSame || (record.state === 'out' && !isOut))) member.lapse(now);
    if (!isOut && !open.some((claim) => claim.record.deliveryId === deliveryId))
      member.inFlight.delete(sequence);
  }
}
