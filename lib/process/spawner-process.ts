import { AppError, messageOf } from '@skyarc/lib/errors';
import { launch } from './launch.ts';
import type { SpawnerAnswer, SpawnerRequest } from './spawner.ts';

/** The process of a `Spawner`: runs what it is told, and ends, with all of it, when nobody listens any more. */
const running = new Map<number, AbortController>();

function answer(message: SpawnerAnswer): void {
  if (process.connected) process.send?.(message);
}

async function serve(request: SpawnerRequest): Promise<void> {
  if ('cancel' in request) {
    running.get(request.cancel)?.abort();
    return;
  }
  const { id, command, args, options, wantsLines } = request;
  const ending = new AbortController();
  running.set(id, ending);
  const onLine = wantsLines
    ? (line: string, stream: 'stdout' | 'stderr') => answer({ id, line, stream })
    : undefined;
  try {
    answer({ id, result: await launch(command, args, { ...options, onLine, signal: ending.signal }) });
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'UNAVAILABLE';
    answer({ id, error: { code, message: messageOf(error) } });
  } finally {
    running.delete(id);
  }
}

process.on('message', (request) => void serve(request as SpawnerRequest));
process.once('disconnect', () => {
  for (const ending of running.values()) ending.abort();
});
// A terminal's Ctrl-C reaches all of a group: who is served ends first, and this with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
