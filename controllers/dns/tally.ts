import type { DnsFailure } from '@skyarc/lib/contracts';
import { codes } from '@skyarc/lib/dns';
import type { Outcome } from './controller.ts';

const windowSec = 60;
const maxFailures = 20;

/** What was asked lately, in constant memory whoever asks. */
export class Tally {
  private readonly now: () => number;
  private readonly bySecond = new Map<number, number>();
  private failed: DnsFailure[] = [];
  private asked = 0;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  note(name: string, outcome: Outcome): void {
    this.asked += 1;
    const atMs = this.now();
    const second = Math.floor(atMs / 1_000);
    this.bySecond.set(second, (this.bySecond.get(second) ?? 0) + 1);
    for (const old of this.bySecond.keys()) {
      if (old > second - windowSec) break;
      this.bySecond.delete(old);
    }
    const reason = reasonOf(outcome);
    if (!reason) return;
    const { type } = outcome;
    const isSame = (each: DnsFailure): boolean =>
      each.name === name && each.type === type && each.reason === reason;
    const count = (this.failed.find(isSame)?.count ?? 0) + 1;
    const others = this.failed.filter((each) => !isSame(each));
    this.failed = [{ name, type, reason, count, atMs }, ...others].slice(0, maxFailures);
  }

  /** Since the process began. */
  get questions(): number {
    return this.asked;
  }

  /** Of the last minute. */
  get questionsPerSecond(): number {
    const from = Math.floor(this.now() / 1_000) - windowSec;
    const counts = [...this.bySecond].filter(([second]) => second > from).map(([, count]) => count);
    return counts.reduce((sum, count) => sum + count, 0) / windowSec;
  }

  /** Newest first. */
  get failures(): readonly DnsFailure[] {
    return this.failed;
  }
}

function reasonOf({ code, verdict }: Outcome): DnsFailure['reason'] | undefined {
  if (verdict === 'drop') return 'LIMITED';
  if (code === codes.refused) return 'REFUSED';
  if (code === codes.serverFailure) return 'NOT_READY';
  return code === codes.nameError ? 'NO_SUCH_NAME' : undefined;
}
