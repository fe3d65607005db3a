/** Bytes of `64m`, `1.5g`, `512k`, `1048576` or `2gb`; null for anything else. */
export function bytesOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(b|k|kb|kib|m|mb|mib|g|gb|gib|t|tb|tib)?$/i.exec(text.trim());
  if (!match) return null;
  const power = 'bkmgt'.indexOf((match[2] ?? 'b')[0]?.toLowerCase() as string);
  return Math.round(Number(match[1]) * 1024 ** power);
}

/** Megabytes, rounded up. */
export function megabytesOf(text: string): number | null {
  const bytes = bytesOf(text);
  return bytes === null ? null : Math.ceil(bytes / (1 << 20));
}

const millis: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Seconds of `1m30s`, `500ms` or `10` (docker reads a plain number as nanoseconds only in its own API); null for anything else. */
export function secondsOf(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return Number(trimmed);
  if (!/^(\d+(\.\d+)?(us|ms|s|m|h|d))+$/.test(trimmed)) return null;
  const parts = trimmed.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g);
  const sum = [...parts].reduce(
    (total, [, count, unit]) => total + Number(count) * (millis[unit as string] ?? 0),
    0,
  );
  return sum / 1_000;
}

/** Thousandths of a processor of `0.5` or `2`; null for anything else. */
export function cpuMillisOf(text: string): number | null {
  return /^\d+(\.\d+)?$/.test(text.trim()) ? Math.round(Number(text) * 1_000) : null;
}
