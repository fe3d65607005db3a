import type { AppState } from '@skyarc/sdk';

/** Whether there is something of an app to stop or to restart: not before its first version runs. */
export function isStarted(app: {
  readonly state: AppState;
  readonly currentVersion?: unknown;
  readonly source: { readonly kind: string };
}): boolean {
  return app.state !== 'STOPPED' && (Boolean(app.currentVersion) || app.source.kind === 'EXTERNAL');
}
