import type { AppError } from '@skyarc/lib/errors';
import { type CallScope, DataCenterClient } from '@skyarc/server/host';
import { parse } from 'graphql';
import type { DataCenterWorld } from './world.ts';

export const blue: CallScope = { teams: ['blue'], actor: 'ann@example.test' };
export const red: CallScope = { teams: ['red'], actor: 'bob@example.test' };
export const source = { git: { url: 'https://git.example.test/shop.git', branch: 'main' } };

/** A data centre's API as a test speaks with it: any document, answers as they come. */
export class TestClient {
  readonly client: DataCenterClient;
  private readonly world: DataCenterWorld;

  constructor(world: DataCenterWorld) {
    this.world = world;
    this.client = new DataCenterClient('local', world.api.url, {
      ca: world.authority.cert,
      ...world.console,
    });
  }

  // What a test reads of an answer is its own affair.
  // oxlint-disable-next-line typescript/no-explicit-any
  async ask(text: string, variables: object = {}, scope = blue): Promise<any> {
    return this.client.call(parse(text), variables, scope);
  }

  async createApp(name: string, input: object = {}, scope = blue): Promise<string> {
    const text = 'mutation ($input: CreateAppInput!) { createApp(input: $input) { id } }';
    const variables = { input: { groupId: 'g1', name, source, ...input } };
    return ((await this.ask(text, variables, scope)) as { createApp: { id: string } }).createApp.id;
  }

  /** Changes an app; answers the operation that brings it to what runs. */
  async update(id: string, input: object, scope = blue): Promise<{ id: string; kind: string } | null> {
    const text = `mutation ($id: ID!, $input: UpdateAppInput!) {
      updateApp(id: $id, input: $input) { operation { id kind } }
    }`;
    return (await this.ask(text, { id, input }, scope)).updateApp.operation;
  }

  /** Fields of an app. */
  // oxlint-disable-next-line typescript/no-explicit-any
  async app(id: string, fields: string, scope = blue): Promise<any> {
    return (await this.ask(`query ($id: ID!) { app(id: $id) { ${fields} } }`, { id }, scope)).app;
  }

  /** Gives an app a version, as a deploy would, and says that it is wanted to run; answers the version's id. */
  async run(appId: string, number = 1): Promise<string> {
    const { db } = this.world;
    const unique = `${appId.slice(-12)}${String(number)
      .padStart(4, 'a')
      .replaceAll(/[0189]/g, 'b')}`;
    const build = await db.build.create({
      data: { id: `local.build.${unique}`, appId, number, status: 'SUCCEEDED' },
    });
    const version = await db.version.create({
      data: { id: `local.version.${unique}`, appId, buildId: build.id, number, image: 'x', sizeBytes: 1n },
    });
    await db.app.update({
      where: { id: appId },
      data: { desired: 'RUNNING', ...(number === 1 ? { currentVersionId: version.id } : {}) },
    });
    return version.id;
  }

  /** Ends what an app is busy with, as the worker would. */
  async settle(...appIds: string[]): Promise<void> {
    await this.world.db.app.updateMany({
      where: { id: { in: appIds } },
      data: { activeOperationId: null },
    });
  }

  close(): void {
    this.client.close();
  }
}

/** What a call throws. */
export async function refusalOf(call: Promise<unknown>): Promise<AppError> {
  return call.then(
    (answer) => {
      throw new Error(`it was not refused: ${JSON.stringify(answer)}`);
    },
    (error: unknown) => error as AppError,
  );
}
