import type { Note, NoteLevel } from './draft.ts';

/** Collects what is to be said of a text; the same sentence of the same line is kept once. */
export class Notes {
  private readonly notes = new Map<string, Note>();

  add(level: NoteLevel, line: number | null, service: string | null, message: string): void {
    this.notes.set(`${level} ${line} ${service} ${message}`, { level, line, service, message });
  }

  get hasErrors(): boolean {
    return [...this.notes.values()].some(({ level }) => level === 'ERROR');
  }

  /** By line, errors of a line first. */
  sorted(): Note[] {
    const rank: Readonly<Record<NoteLevel, number>> = { ERROR: 0, WARNING: 1, INFO: 2 };
    return [...this.notes.values()].sort(
      (left, right) => (left.line ?? 0) - (right.line ?? 0) || rank[left.level] - rank[right.level],
    );
  }

  /** The same collection, for one service. */
  of(service: string | null): ServiceNotes {
    const say = (level: NoteLevel) => (line: number | null, message: string) =>
      this.add(level, line, service, message);
    return { error: say('ERROR'), warn: say('WARNING'), info: say('INFO') };
  }
}

type Say = (line: number | null, message: string) => void;

export interface ServiceNotes {
  readonly error: Say;
  readonly warn: Say;
  readonly info: Say;
}
