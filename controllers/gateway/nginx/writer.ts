import type { OutputChange } from '../render/outputs.ts';
import { digestOf, type TableChange } from '../render/table.ts';
import type { NginxEngine } from './engine.ts';

const l4Prefix = 'l4:';
/** Not more than admin.lua tells workers one by one. */
const partKeys = 400;
const turns = ['u:', 's:', 'p:'];
const turnOf = (key: string) => {
  const turn = turns.indexOf(key.slice(0, 2));
  return turn < 0 ? turns.length : turn;
};
const ofPorts = (key: string) => key.startsWith(l4Prefix);

/** Brings outputs to where nginx reads them: its shared memory, the files of L4 ports, the state file. */
export class NginxWriter {
  /** Changes that were written. */
  writes = 0;
  private readonly engine: NginxEngine;
  private readonly wanted: ReadonlyMap<string, string>;
  /** False while nginx may hold anything. */
  private isSure = false;
  private isKept = true;

  constructor(engine: NginxEngine, wanted: ReadonlyMap<string, string>) {
    this.engine = engine;
    this.wanted = wanted;
  }

  /** The next write compares everything. */
  doubt(): void {
    this.isSure = false;
  }

  /** Throws UNAVAILABLE when nginx does not answer. */
  async write(change: Pick<OutputChange<unknown>, 'set' | 'delete'>): Promise<void> {
    if (!this.isSure) return this.verify();
    const set = Object.entries(change.set);
    const table: TableChange = {
      set: Object.fromEntries(set.filter(([key]) => !ofPorts(key))),
      delete: change.delete.filter((key) => !ofPorts(key)),
    };
    for (const [key, lines] of set.filter(([name]) => ofPorts(name)))
      await this.engine.l4.set(key.slice(l4Prefix.length), lines);
    for (const key of change.delete.filter(ofPorts)) await this.engine.l4.delete(key.slice(l4Prefix.length));
    await this.apply(table);
    if (set.length > 0 || change.delete.length > 0) this.writes += 1;
  }

  /** Compares with what nginx really holds, and repairs that. */
  async verify(): Promise<void> {
    const table = new Map<string, string>();
    const ports = new Map<string, string>();
    for (const [key, value] of this.wanted) {
      if (key.startsWith(l4Prefix)) ports.set(key.slice(l4Prefix.length), value);
      else table.set(key, value);
    }
    const repaired = await this.engine.l4.sync(ports);
    const { admin } = this.engine;
    const wanted = digestOf(table);
    if ((await admin.digest()) !== wanted && (await admin.recount()) !== wanted) {
      const gone = (await admin.keys()).filter((key) => !table.has(key));
      await this.apply({ set: Object.fromEntries(table), delete: gone });
      this.writes += 1;
    } else if (repaired > 0) this.writes += 1;
    this.isSure = true;
  }

  /** Writes the state file when something changed since the last time. */
  async keep(): Promise<void> {
    if (this.isKept || !this.isSure) return;
    this.isKept = true;
    try {
      await this.engine.keep(this.wanted);
    } catch (error) {
      this.isKept = false;
      throw error;
    }
  }

  /** In parts, so that nginx needs little memory to read them; what others lead to comes first. */
  private async apply(change: TableChange): Promise<void> {
    const set = Object.entries(change.set).toSorted(([left], [right]) => turnOf(left) - turnOf(right));
    if (set.length === 0 && change.delete.length === 0) return;
    this.isKept = false;
    const parts = Math.max(1, Math.ceil(set.length / partKeys));
    for (let part = 0; part < parts; part++)
      await this.engine.admin.apply({
        set: Object.fromEntries(set.slice(part * partKeys, (part + 1) * partKeys)),
        delete: part === parts - 1 ? change.delete : [],
      });
  }
}
