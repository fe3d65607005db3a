/** One event of an asciicast v2 file: seconds since the start, `o` for output or `r` for a new size. */
export interface CastEvent {
  readonly at: number;
  readonly kind: string;
  readonly data: string;
}

export interface Cast {
  readonly cols: number;
  readonly rows: number;
  readonly title: string;
  readonly events: readonly CastEvent[];
  /** Seconds. */
  readonly duration: number;
}

/** Reads an asciicast v2 text; lines that cannot be read are left out. Throws for a text of another format. */
export function parseCast(text: string): Cast {
  const [first = '', ...lines] = text.split('\n');
  const header = parse(first) as { version?: number; width?: number; height?: number; title?: string } | null;
  if (header?.version !== 2) throw new Error('This is not a recording (asciicast v2)');
  const events = lines.flatMap((line) => {
    const event = parse(line);
    if (!Array.isArray(event)) return [];
    const [at, kind, data] = event as readonly unknown[];
    return typeof at === 'number' && typeof kind === 'string' && typeof data === 'string'
      ? [{ at, kind, data }]
      : [];
  });
  return {
    cols: header.width ?? 80,
    rows: header.height ?? 24,
    title: header.title ?? '',
    events,
    duration: events.at(-1)?.at ?? 0,
  };
}

/** The same with no pause longer than so many seconds. */
export function withoutPauses(cast: Cast, longest: number): Cast {
  let skipped = 0;
  let before = 0;
  const events = cast.events.map((event) => {
    skipped += Math.max(0, event.at - before - longest);
    before = event.at;
    return { ...event, at: event.at - skipped };
  });
  return { ...cast, events, duration: events.at(-1)?.at ?? 0 };
}

/** Index of the first event that is later than the moment. */
export function indexAfter(events: readonly CastEvent[], seconds: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as CastEvent).at <= seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
