/**
 * What the main job costs on this machine: `npm run bench`. Prints a Markdown table for docs/benchmarks.md.
 * It installs a Skyarc of its own beside others and removes it.
 */
import { cpus, totalmem } from 'node:os';
import { measureInstallation } from './installation.ts';
import { printRows, type Row } from './row.ts';

function print(rows: readonly Row[]): void {
  const { model } = cpus()[0] as { model: string };
  const machine = `${cpus().length} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  console.log(`\nMachine: ${machine}\n`);
  printRows(rows);
}

print(await measureInstallation());
