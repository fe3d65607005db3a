/**
 * Loaded before a part (see `Part.setClock`): moves what `Date` says when told so, as a stepped clock does. Timers
 * run on the monotonic clock and stay as they are.
 */
let offsetMs = 0;
const RealDate = Date;

class ShiftedDate extends RealDate {
  constructor(...args: [] | [string | number | Date]) {
    if (args.length === 0) super(RealDate.now() + offsetMs);
    else super(...args);
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
process.on('message', (message) => {
  const wanted = (message as { clockOffsetMs?: unknown } | null)?.clockOffsetMs;
  if (typeof wanted === 'number') offsetMs = wanted;
});
// Listening alone must not keep a process alive that has done its work.
process.channel?.unref();
