import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nodeRecordEntry, type NodeRecordEntry, parseStored } from '@skyarc/lib/contracts';
import { replaceFile } from '@skyarc/lib/files';

const maxEntries = 100;

/** What the agent did and saw, newest first: the last hundred, kept in a file. */
export class HealthRecord {
  private readonly file: string;
  private entries: readonly NodeRecordEntry[];
  private writing: Promise<void> = Promise.resolve();

  private constructor(file: string, entries: readonly NodeRecordEntry[]) {
    this.file = file;
    this.entries = entries;
  }

  /** An unreadable file is a new record. */
  static async open(file: string): Promise<HealthRecord> {
    await mkdir(dirname(file), { recursive: true });
    const text = await readFile(file, 'utf8').catch(() => undefined);
    return new HealthRecord(file, parseStored(nodeRecordEntry.array(), text) ?? []);
  }

  list(): readonly NodeRecordEntry[] {
    return this.entries;
  }

  /** Resolves when it is on disk; a full disk does not stop the agent. */
  add(entry: Omit<NodeRecordEntry, 'at'>): Promise<void> {
    return this.take([{ at: new Date().toISOString(), ...entry }]);
  }

  /** What somebody else did or saw; what is known already is not said twice. */
  async merge(others: readonly NodeRecordEntry[]): Promise<void> {
    const known = new Set(this.entries.map(keyOf));
    const fresh = others.filter((entry) => !known.has(keyOf(entry)));
    if (fresh.length > 0) await this.take(fresh);
  }

  private take(fresh: readonly NodeRecordEntry[]): Promise<void> {
    this.entries = [...fresh, ...this.entries]
      .toSorted((left, right) => right.at.localeCompare(left.at))
      .slice(0, maxEntries);
    this.writing = this.writing.then(() => this.save()).catch(() => undefined);
    return this.writing;
  }

  private async save(): Promise<void> {
    await replaceFile(this.file, JSON.stringify(this.entries));
  }
}

function keyOf({ at, subject }: NodeRecordEntry): string {
  return `${at} ${subject}`;
}
