/**
 * Runs the work in batches of 1, 2, 4, ... and stops after the first batch with a failure, so that a
 * quota or a bad template costs one failed request and not hundreds. Returns the number of successes.
 */
export async function slowStart(
  count: number,
  run: () => Promise<void>,
): Promise<{ done: number; error?: unknown }> {
  let done = 0;
  for (let size = 1; done < count; size *= 2) {
    const batch = Math.min(size, count - done);
    const results = await Promise.allSettled(Array.from({ length: batch }, run));
    done += results.filter(({ status }) => status === 'fulfilled').length;
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) return { done, error: failed.reason };
  }
  return { done };
}
