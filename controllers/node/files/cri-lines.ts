import { type ContainerLine, parseTimeUs } from '../lines.ts';

/** A joined line and where the file goes on after it. */
export interface CriLine {
  readonly line: ContainerLine;
  /** Offset after it, from which to read on; null while a part of another line is pending. */
  readonly resumeAt: number | null;
}

interface Part {
  readonly timeUs: number;
  text: string;
}

const maxJoinedChars = 64 * 1024;
const newline = 0x0a;

/**
 * Joins the lines of a CRI log file: `<RFC 3339 time> stdout|stderr F|P <text>`, where `P` marks a part that
 * the next line of that channel continues. A line without this form passes as it is.
 */
export class CriParser {
  private readonly parts = new Map<string, Part>();

  /** Whole lines of a chunk that begins at the offset; answers the bytes that were used. */
  parse(chunk: Buffer, offset: number): { lines: CriLine[]; used: number } {
    const lines: CriLine[] = [];
    let used = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, used)) {
      const raw = chunk.toString('utf8', used, end);
      used = end + 1;
      const line = this.join(raw);
      if (line) lines.push({ line, resumeAt: this.parts.size === 0 ? offset + used : null });
    }
    return { lines, used };
  }

  private join(raw: string): ContainerLine | null {
    const match = /^(\S+) (stdout|stderr) ([FP])(?::\S*)? ?(.*)$/s.exec(raw);
    if (!match) return { timeUs: 0, channel: '', text: raw };
    const [, time = '', channel = '', tag, text = ''] = match;
    const part = this.parts.get(channel) ?? { timeUs: parseTimeUs(time), text: '' };
    part.text += text;
    if (tag === 'P' && part.text.length < maxJoinedChars) {
      this.parts.set(channel, part);
      return null;
    }
    this.parts.delete(channel);
    return { timeUs: part.timeUs, channel: channel as 'stdout' | 'stderr', text: part.text };
  }
}
