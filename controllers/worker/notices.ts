import type { AppWatch } from './app-watch.ts';
import type { WorkerContext } from './context.ts';

/** A roll-out changes an app many times a second; readers are told once in so long. */
const quietMs = 150;

/** Tells readers of the `changes` streams when an app's objects change. Returns its end. */
export function tellChanges(watch: AppWatch, sink: WorkerContext['sink']): () => void {
  const due = new Map<string, NodeJS.Timeout>();
  const stopListening = watch.onChange(({ appId, team, resource }) => {
    if (!team || due.has(appId) || resource === 'secrets' || resource === 'services') return;
    const timer = setTimeout(() => {
      due.delete(appId);
      sink.notify(team, { kind: 'app', id: appId, appId });
    }, quietMs);
    due.set(appId, timer);
  });
  return () => {
    stopListening();
    for (const timer of due.values()) clearTimeout(timer);
  };
}
