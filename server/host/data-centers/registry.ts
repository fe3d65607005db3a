import { AppError } from '@skyarc/lib/errors';
import { type ClientTls, DataCenterClient } from './client.ts';

export interface DataCenterEntry {
  readonly name: string;
  readonly displayName: string;
  readonly apiUrl: string;
}

/** The clients of all data centres that the installation knows; they are made on first use. */
export class DataCenterRegistry {
  private readonly load: () => Promise<readonly DataCenterEntry[]>;
  private readonly tls: ClientTls;
  private readonly clients = new Map<string, { url: string; client: DataCenterClient }>();
  private entries: { readonly at: number; readonly list: Promise<readonly DataCenterEntry[]> } | undefined;

  constructor(load: () => Promise<readonly DataCenterEntry[]>, tls: ClientTls) {
    this.load = load;
    this.tls = tls;
  }

  /** All entries, by name; read again after five seconds. */
  list(): Promise<readonly DataCenterEntry[]> {
    const maxAgeMs = 5_000;
    if (!this.entries || Date.now() - this.entries.at > maxAgeMs) {
      this.entries = { at: Date.now(), list: this.load() };
      this.entries.list.catch(() => (this.entries = undefined));
    }
    return this.entries.list;
  }

  async all(): Promise<DataCenterClient[]> {
    return (await this.list()).map((entry) => this.clientOf(entry));
  }

  async find(name: string): Promise<DataCenterClient | null> {
    const entry = (await this.list()).find((one) => one.name === name);
    return entry ? this.clientOf(entry) : null;
  }

  /** Throws NOT_FOUND, or INVALID when no name is given though there are several. */
  async get(name: string | null | undefined): Promise<DataCenterClient> {
    const entries = await this.list();
    if (!name && entries.length > 1) {
      throw new AppError('INVALID', `Name a data centre: ${entries.map((entry) => entry.name).join(', ')}`);
    }
    const entry = name ? entries.find((one) => one.name === name) : entries[0];
    if (!entry)
      throw new AppError(
        'NOT_FOUND',
        name ? `There is no data centre "${name}"` : 'There is no data centre yet',
      );
    return this.clientOf(entry);
  }

  close(): void {
    for (const { client } of this.clients.values()) client.close();
  }

  private clientOf(entry: DataCenterEntry): DataCenterClient {
    const known = this.clients.get(entry.name);
    if (known?.url === entry.apiUrl) return known.client;
    known?.client.close();
    const client = new DataCenterClient(entry.name, entry.apiUrl, this.tls);
    this.clients.set(entry.name, { url: entry.apiUrl, client });
    return client;
  }
}
