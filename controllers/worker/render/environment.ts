import { createHash } from 'node:crypto';
import { mainPortOf, type RunSpec } from './run-spec.ts';

/** Name of the Secret with the app's environment: another content is another Secret, so old pods keep theirs. */
export function envSecretName(spec: Pick<RunSpec, 'name' | 'env'>): string {
  const digest = createHash('sha256').update(JSON.stringify(spec.env)).digest('hex').slice(0, 12);
  return `${spec.name}-env-${digest}`;
}

/** Ours, beside the user's from the Secret; a PORT of the user's own wins. */
export function platformVariablesOf(spec: RunSpec): { name: string; value: string }[] {
  const port = mainPortOf(spec)?.port;
  const hasOwnPort = spec.env.some((each) => each.name === 'PORT');
  return [
    ...(port && !hasOwnPort ? [{ name: 'PORT', value: String(port) }] : []),
    { name: 'SKYARC_APP', value: spec.name },
    { name: 'SKYARC_APP_ID', value: spec.id },
    { name: 'SKYARC_TEAM', value: spec.team },
    { name: 'SKYARC_VERSION', value: String(spec.version.number) },
  ];
}
