import { retry } from '@skyarc/lib/retry';
import { type CreateAppInput, type SkyarcClient, SkyarcError, type UpdateAppInput } from '@skyarc/sdk';
import type { World } from './journey-setup.ts';
import { finish } from './session.ts';

export interface NewTestApp extends Omit<Partial<CreateAppInput>, 'groupId' | 'deploy' | 'source'> {
  readonly name: string;
  /** Address of its repository, branch main; or endpoints of a service elsewhere. */
  readonly source: string | CreateAppInput['source'];
  /** What is set before the first deploy. */
  readonly settings?: UpdateAppInput;
}

/** Makes an app with all its settings, deploys it and waits until it runs; answers its id. */
export async function deployed(skyarc: SkyarcClient, world: World, wanted: NewTestApp): Promise<string> {
  const { settings, source, run, ...rest } = wanted;
  const { app } = await skyarc.apps.create({
    groupId: world.groupId,
    source: typeof source === 'string' ? { git: { url: source, branch: 'main' } } : source,
    run: { memoryMb: 128, cpuMillis: 250, ...run },
    deploy: false,
    ...rest,
  });
  if (settings) await skyarc.apps.update(app.id, settings);
  await finish(skyarc, (await skyarc.apps.deploy(app.id)).id);
  return app.id;
}

/** Changes an app and waits until the change has reached its pods. */
export async function changed(skyarc: SkyarcClient, id: string, input: UpdateAppInput): Promise<void> {
  const { operation } = await skyarc.apps.update(id, input);
  if (operation) await finish(skyarc, operation.id);
}

/** Removes what an earlier try left under these names, the ones that need others first. */
export async function removedByName(skyarc: SkyarcClient, world: World, ...names: readonly string[]) {
  const there = new Map((await skyarc.apps.list(world.team)).map(({ name, id }) => [name, id]));
  await removed(skyarc, ...names.flatMap((name) => there.get(name) ?? []));
}

/** Removes apps, the ones that need others first, each once nothing is under way with it. */
export async function removed(skyarc: SkyarcClient, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { id: operation } = await retry(() => skyarc.apps.delete(id), {
      attempts: 60,
      baseMs: 500,
      maxMs: 2_000,
      retryable: (error) => error instanceof SkyarcError && error.code === 'CONFLICT',
    });
    await finish(skyarc, operation);
  }
}
