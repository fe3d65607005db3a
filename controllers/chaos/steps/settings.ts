import { buildOptions } from '@skyarc/lib/contracts';
import type { BuildSettings } from '../buildpacks/settings.ts';
import type { BuildRun } from './run.ts';

/**
 * What the app's owner set for its builds. The app's secret environment variables are the secrets that a
 * Dockerfile may mount by their names; the log hides their values.
 */
export async function settingsOf({ app, db, shared, log }: BuildRun): Promise<BuildSettings> {
  const options = app.buildOptions ? buildOptions.parse(JSON.parse(app.buildOptions)) : {};
  const secrets: Record<string, string> = {};
  for (const { name, value } of await db.envVar.findMany({ where: { appId: app.id, secret: true } })) {
    if (!/^[A-Za-z_]\w*$/.test(name)) continue;
    secrets[name] = shared.secrets.open(value, `env:${app.id}:${name}`);
    log.hide(secrets[name]);
  }
  return { ...options, buildpack: app.buildpack, secrets };
}
