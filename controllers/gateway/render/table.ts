import { crc32 } from 'node:zlib';

/** nginx's shared memory as it should be: keys and JSON (see nginx/lua/store.lua). */
export type Table = ReadonlyMap<string, string>;

export interface TableChange {
  readonly set: Readonly<Record<string, string>>;
  readonly delete: readonly string[];
}

/** Count, and sum of the CRC-32 of each `key\0value`; admin.lua computes it of what is really there. */
export function digestOf(table: Table): string {
  let sum = 0;
  for (const [key, value] of table) sum = (sum + crc32(`${key}\0${value}`)) % 2 ** 48;
  return `${table.size}-${sum}`;
}
