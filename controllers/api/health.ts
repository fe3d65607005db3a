import { messageOf } from '@skyarc/lib/errors';
import type { ServiceHealth } from './generated/resolvers.ts';

const timeoutMs = 1_500;
const maxAgeMs = 3_000;

/** Health of the data centre's services, asked at most every three seconds. */
export class Health {
  private readonly services: readonly { readonly name: string; readonly url: string }[];
  private last: { readonly at: number; readonly answer: Promise<ServiceHealth[]> } | undefined;

  constructor(services: readonly { readonly name: string; readonly url: string }[]) {
    this.services = services;
  }

  list(): Promise<ServiceHealth[]> {
    if (!this.last || Date.now() - this.last.at > maxAgeMs) {
      this.last = { at: Date.now(), answer: Promise.all(this.services.map(ask)) };
    }
    return this.last.answer;
  }
}

async function ask({ name, url }: { readonly name: string; readonly url: string }): Promise<ServiceHealth> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const text = (await response.text()).trim().slice(0, 300);
    return { name, healthy: response.ok, message: response.ok ? null : text || `status ${response.status}` };
  } catch (error) {
    return { name, healthy: false, message: `It does not answer: ${messageOf(error)}` };
  }
}
