import { createHash } from 'node:crypto';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };
type JsonMap = { [key: string]: Json | undefined };

/** What we applied last: our map keys, with a digest for each list and a 1 for each scalar. No values. */
export type Trace = { [key: string]: Trace | string | 1 };

/** The trace of a wanted object, to be kept with it. */
export function traceOf(wanted: object): Trace {
  const trace: Trace = {};
  for (const [key, value] of Object.entries(wanted as JsonMap)) {
    if (value === undefined || isEmpty(value)) continue;
    trace[key] = Array.isArray(value) ? digest(value) : isMap(value) ? traceOf(value) : 1;
  }
  return trace;
}

/**
 * The JSON merge patch (RFC 7386) that brings `live` to `wanted`: fields we applied earlier and want no
 * more go, fields of others stay. Null when nothing differs. A list is replaced as a whole, when we
 * want another one than last time or when the live one lacks something of ours; what the API server
 * defaults inside list items is not a difference.
 */
export function threeWayPatch(live: object, wanted: object, last: Trace): object | null {
  const patch: JsonMap = {};
  const liveMap = live as JsonMap;
  for (const [key, value] of Object.entries(wanted as JsonMap)) {
    if (value === undefined || isEmpty(value)) continue;
    const current = liveMap[key];
    const before = last[key];
    if (isMap(value)) {
      const inner = threeWayPatch(isMap(current) ? current : {}, value, isTrace(before) ? before : {});
      if (inner) patch[key] = inner as JsonMap;
    } else if (Array.isArray(value)) {
      if (before !== digest(value) || !covers(current, value)) patch[key] = value;
    } else if (current !== value) {
      patch[key] = value;
    }
  }
  for (const [key, before] of Object.entries(last)) {
    const value = (wanted as JsonMap)[key];
    if (liveMap[key] === undefined || (value !== undefined && !isEmpty(value))) continue;
    // A map may hold fields of others beside ours: only ours go.
    const inner =
      isTrace(before) && isMap(liveMap[key]) ? threeWayPatch(liveMap[key], {}, before) : undefined;
    if (inner === undefined) patch[key] = null;
    else if (inner) patch[key] = inner as JsonMap;
  }
  return Object.keys(patch).length > 0 ? patch : null;
}

/** True when everything of `wanted` is in `live`; live maps may have more. */
export function covers(live: Json | undefined, wanted: Json): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((item, index) => covers(live[index], item))
    );
  }
  if (isMap(wanted)) {
    return Object.entries(wanted).every(
      ([key, value]) => value === undefined || isEmpty(value) || (isMap(live) && covers(live[key], value)),
    );
  }
  return live === wanted;
}

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTrace(value: Trace | string | 1 | undefined): value is Trace {
  return typeof value === 'object';
}

/** The API server drops empty maps and lists, so they count as absent. */
function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function digest(value: Json): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16);
}
