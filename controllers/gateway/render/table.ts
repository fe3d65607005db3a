import { createHash } from 'node:crypto';
import type { GatewayModel } from './model.ts';

/** nginx's shared memory as it should be: `h:<host>`, `u:<backend>`, `s:<backend>`, `c:<host>` to JSON (see gateway.lua). */
export type Table = ReadonlyMap<string, string>;

export interface TableChange {
  readonly set: Readonly<Record<string, string>>;
  readonly delete: readonly string[];
  /** Of the table after the change. */
  readonly digest: string;
}

interface HostRules {
  readonly exact: Record<string, string>;
  readonly prefix: Record<string, string>;
}

export function renderTable(model: GatewayModel, options: { readonly reachesServices: boolean }): Table {
  const hosts = new Map<string, HostRules>();
  for (const { host, match, path, backend } of model.routes) {
    const rules = hosts.get(host) ?? { exact: {}, prefix: {} };
    rules[match][path] = backend;
    hosts.set(host, rules);
  }
  const table = new Map<string, string>();
  for (const [host, rules] of hosts) table.set(`h:${host}`, JSON.stringify(rules));
  for (const [key, { endpoints, service }] of model.backends) {
    table.set(`u:${key}`, JSON.stringify(endpoints));
    if (service && options.reachesServices) table.set(`s:${key}`, JSON.stringify(service));
  }
  for (const [host, certificate] of model.certificates) table.set(`c:${host}`, JSON.stringify(certificate));
  return new Map([...table].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

export function digestOf(table: Table): string {
  const hash = createHash('sha256');
  for (const [key, value] of table) hash.update(key).update('\0').update(value).update('\0');
  return hash.digest('base64url');
}

/** What brings nginx from one table to the next. */
export function diffTables(from: Table, to: Table): TableChange {
  const set: Record<string, string> = {};
  for (const [key, value] of to) if (from.get(key) !== value) set[key] = value;
  return { set, delete: [...from.keys()].filter((key) => !to.has(key)), digest: digestOf(to) };
}
