import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';

const maxLines = 200;
const maxLength = 1_000;

/** The few lines of an examination, kept with its row; secrets that it was told of never get out. */
export class ExaminationLog {
  private readonly db: DataCenterDatabase;
  private readonly id: string;
  private readonly lines: string[] = [];
  private readonly secrets = new Set<string>();

  constructor(db: DataCenterDatabase, id: string) {
    this.db = db;
    this.id = id;
  }

  /** Never to be shown in a line from now on. */
  hide(secret: string): void {
    if (secret.length >= 4) this.secrets.add(secret).add(encodeURIComponent(secret));
  }

  async write(text: string): Promise<void> {
    if (this.lines.length >= maxLines) return;
    this.lines.push(this.redact(text.replaceAll('\0', '')).slice(0, maxLength));
    const data = { log: JSON.stringify(this.lines) };
    await this.db.examination.updateMany({ where: { id: this.id }, data });
  }

  redact(text: string): string {
    let clean = text;
    for (const secret of this.secrets) clean = clean.replaceAll(secret, '[hidden]');
    return clean;
  }
}
