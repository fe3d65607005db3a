import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { SkyarcError, canceled } from '../error.ts';
import type { SubscribeOptions } from '../live.ts';
import { found } from './apps.ts';
import { patiently } from './patience.ts';

type Operation = api.OperationFieldsFragment;
type Step = Operation['steps'][number];

export interface WaitOptions extends SubscribeOptions {
  /** Called when a step begins, ends or says something new. */
  readonly onStep?: (step: Step, operation: Operation) => void;
}

/** Operations: one user action each, followed to its final state. */
export class OperationMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  async get(id: string): Promise<Operation> {
    return found((await this.#client.query(api.OperationDocument, { id })).operation, 'operation', id);
  }

  /** Asks an unfinished operation to stop. */
  async cancel(id: string): Promise<Operation> {
    return (await this.#client.mutate(api.CancelOperationDocument, { id })).cancelOperation;
  }

  /** The operation after each change, the present state first; ends when it is final. */
  async *watch(id: string, options?: SubscribeOptions): AsyncGenerator<Operation, void, undefined> {
    const open = () => this.#client.subscribe(api.OperationChangedDocument, { id }, options);
    for await (const event of patiently(open, options?.signal)) yield event.operationChanged;
  }

  /** Each change of any operation of a team. */
  async *watchTeam(teamId: string, options?: SubscribeOptions): AsyncGenerator<Operation, void, undefined> {
    const open = () => this.#client.subscribe(api.TeamOperationsChangedDocument, { teamId }, options);
    for await (const event of patiently(open, options?.signal)) yield event.teamOperationsChanged;
  }

  /**
   * Waits until the operation is final and returns it, whatever way it ended: look at `status` and `message`.
   * Throws CANCELED when the signal aborts first.
   */
  async wait(id: string, { onStep, signal }: WaitOptions = {}): Promise<Operation> {
    const told = new Map<string, string>();
    let last: Operation | undefined;
    for await (const operation of this.watch(id, { ...(signal && { signal }) })) {
      last = operation;
      for (const step of operation.steps) {
        const state = `${step.status} ${step.message ?? ''}`;
        if (told.get(step.name) === state) continue;
        told.set(step.name, state);
        onStep?.(step, operation);
      }
      if (isFinal(operation.status)) return operation;
    }
    if (signal?.aborted) throw canceled(signal.reason);
    if (!last) throw new SkyarcError('NOT_FOUND', `No operation "${id}"`);
    return await this.get(id);
  }
}

/** True once an operation cannot change any more. */
export function isFinal(status: api.OperationStatus): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING';
}
