import { DatabaseSync } from 'node:sqlite';

/** One file that is kept: fetched from an upstream (team is empty) or published by a team. */
export interface FileRecord {
  /** Unique: `<team>/<format>/<path>`. */
  readonly key: string;
  readonly format: string;
  /** The team that it belongs to; empty: from an upstream, for all. */
  readonly team: string;
  /** Name of the package, for people; empty for indexes. */
  readonly name: string;
  /** Path within its format. */
  readonly path: string;
  /** SHA-256 in hex. */
  readonly digest: string;
  readonly size: number;
  readonly type: string;
  /** Validator of the upstream, for asking again. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly checkedAt: number;
}

export interface FormatCount {
  readonly format: string;
  readonly isPrivate: boolean;
  readonly packages: number;
  readonly files: number;
  readonly bytes: number;
}

const rememberedAbsences = 100_000;
const fields = [
  'key',
  'format',
  'team',
  'name',
  'path',
  'digest',
  'size',
  'type',
  'etag',
  'checkedAt',
] as const;

/** What is kept, in one SQLite file: a row is written only when its file is whole on disk. */
export class Catalogue {
  private readonly db: DatabaseSync;
  /** Uses since the last flush: a read must not cost a write. */
  private readonly used = new Map<string, number>();

  constructor(file: string) {
    this.db = new DatabaseSync(file);
    this.db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS files (
        key TEXT PRIMARY KEY, format TEXT NOT NULL, team TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
        digest TEXT NOT NULL, size INTEGER NOT NULL, type TEXT NOT NULL, etag TEXT NOT NULL,
        checkedAt INTEGER NOT NULL, usedAt INTEGER NOT NULL) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS files_digest ON files (digest);
      CREATE INDEX IF NOT EXISTS files_used ON files (team, usedAt);
      CREATE TABLE IF NOT EXISTS absent (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
      CREATE TABLE IF NOT EXISTS promises (
        path TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS readIndexes (digest TEXT PRIMARY KEY) WITHOUT ROWID;`);
  }

  close(): void {
    this.flush();
    this.db.close();
  }

  find(key: string): FileRecord | null {
    const row = this.db.prepare('SELECT * FROM files WHERE key = ?').get(key);
    return row ? (row as unknown as FileRecord) : null;
  }

  put(record: FileRecord): void {
    const marks = fields.map(() => '?').join(', ');
    this.db
      .prepare(`INSERT OR REPLACE INTO files (${fields.join(', ')}, usedAt) VALUES (${marks}, ?)`)
      .run(...fields.map((field) => record[field]), Date.now());
  }

  touch(key: string): void {
    this.used.set(key, Date.now());
  }

  /** Writes down when files were last used. */
  flush(): void {
    const update = this.db.prepare('UPDATE files SET usedAt = ? WHERE key = ?');
    this.transact(() => {
      for (const [key, at] of this.used) update.run(at, key);
    });
    this.used.clear();
  }

  forget(key: string): void {
    this.db.prepare('DELETE FROM files WHERE key = ?').run(key);
  }

  /** Remembers that an upstream has no such file, the newest ones of many. */
  noteAbsent(key: string): void {
    const { lastInsertRowid } = this.db.prepare('INSERT OR REPLACE INTO absent (key) VALUES (?)').run(key);
    this.db.prepare('DELETE FROM absent WHERE id <= ?').run(Number(lastInsertRowid) - rememberedAbsences);
  }

  wasAbsent(key: string): boolean {
    return this.db.prepare('SELECT 1 FROM absent WHERE key = ?').get(key) !== undefined;
  }

  /** Whether any file has that content. */
  hasDigest(digest: string): boolean {
    return this.db.prepare('SELECT 1 FROM files WHERE digest = ? LIMIT 1').get(digest) !== undefined;
  }

  /** Files of a team whose path begins so, in order of their path. */
  listPrivate(team: string, format: string, prefix: string, limit = 10_000): FileRecord[] {
    const from = `${team}/${format}/${prefix}`;
    return this.db
      .prepare('SELECT * FROM files WHERE key >= ? AND key < ? ORDER BY key LIMIT ?')
      .all(from, `${from}\u{10ffff}`, limit) as unknown as FileRecord[];
  }

  /** Cached files, those not used for the longest time first. */
  listIdle(limit: number): FileRecord[] {
    this.flush();
    return this.db
      .prepare(`SELECT * FROM files WHERE team = '' ORDER BY usedAt LIMIT ?`)
      .all(limit) as unknown as FileRecord[];
  }

  /** Bytes of cached files; equal contents count once. */
  cachedBytes(): number {
    const row = this.db
      .prepare(
        `SELECT COALESCE(SUM(size), 0) AS bytes FROM (SELECT DISTINCT digest, size FROM files WHERE team = '')`,
      )
      .get() as { bytes: number };
    return row.bytes;
  }

  /** What is there for a reader of that team ('' for nobody's). */
  counts(team: string): FormatCount[] {
    const rows = this.db
      .prepare(
        `SELECT format, team <> '' AS isPrivate, COUNT(DISTINCT NULLIF(name, '')) AS packages, COUNT(*) AS files,
           SUM(size) AS bytes FROM files WHERE team IN ('', ?) GROUP BY format, isPrivate ORDER BY format, isPrivate`,
      )
      .all(team) as unknown as (Omit<FormatCount, 'isPrivate'> & { isPrivate: number })[];
    return rows.map((row) => ({ ...row, isPrivate: row.isPrivate === 1 }));
  }

  /** Files whose package's name has the words in it, of everybody's and the team's. */
  search(team: string, words: string, limit: number): FileRecord[] {
    const pattern = `%${words.replace(/[\\%_]/g, String.raw`\$&`)}%`;
    return this.db
      .prepare(
        String.raw`SELECT * FROM files WHERE team IN ('', ?) AND name <> '' AND name LIKE ? ESCAPE '\'
           ORDER BY format, name, path LIMIT ?`,
      )
      .all(team, pattern, limit) as unknown as FileRecord[];
  }

  /** Remembers what a signed index promises of files, by path. */
  promise(promises: readonly (readonly [path: string, digest: string])[]): void {
    const insert = this.db.prepare('INSERT OR REPLACE INTO promises VALUES (?, ?)');
    this.transact(() => {
      for (const [path, digest] of promises) insert.run(path, digest);
    });
  }

  /** Remembers that something was read to its end; each edition of an index is read once. */
  learn(what: string): void {
    this.db.prepare('INSERT OR REPLACE INTO readIndexes VALUES (?)').run(what);
  }

  hasLearned(indexDigest: string): boolean {
    return this.db.prepare('SELECT 1 FROM readIndexes WHERE digest = ?').get(indexDigest) !== undefined;
  }

  /** What was learned whose name begins so, without the beginning. */
  listLearned(prefix: string): string[] {
    const rows = this.db
      .prepare('SELECT digest FROM readIndexes WHERE digest >= ? AND digest < ?')
      .all(prefix, `${prefix}\u{10ffff}`) as unknown as { digest: string }[];
    return rows.map(({ digest }) => digest.slice(prefix.length));
  }

  promiseOf(path: string): string | null {
    const row = this.db.prepare('SELECT digest FROM promises WHERE path = ?').get(path);
    return row ? (row as { digest: string }).digest : null;
  }

  private transact(work: () => void): void {
    this.db.exec('BEGIN');
    try {
      work();
      this.db.exec('COMMIT');
    } catch (error) {
      this.db.exec('ROLLBACK');
      throw error;
    }
  }
}
