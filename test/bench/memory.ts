import { readdir, readFile } from 'node:fs/promises';

/** Proportional set size (proc(5) smaps_rollup) of every process of an installation, in MB, by what it is. */
export async function memoryByPart(home: string): Promise<Map<string, number>> {
  const parts = new Map<string, number>();
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const [command, rollup, environment] = await Promise.all([
      read('cmdline'),
      read('smaps_rollup'),
      read('environ'),
    ]);
    const isOurs = command.includes(home) || environment.split('\0').includes(`SKYARC_HOME=${home}`);
    const kilobytes = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    if (!isOurs || kilobytes === 0) continue;
    const part = partOf(command.split('\0'));
    parts.set(part, (parts.get(part) ?? 0) + kilobytes / 1024);
  }
  return new Map([...parts].toSorted((a, b) => b[1] - a[1]));
}

function partOf(argv: readonly string[]): string {
  const run = argv.indexOf('run');
  if (run > 0) return `node: ${argv[run + 1]}`;
  if (argv.some((arg) => arg.endsWith('skyarc.ts'))) return 'node: supervisor';
  const program = (argv[0] ?? '').split(/[/ :]/).findLast(Boolean) ?? '';
  return argv[0]?.startsWith('nginx') ? 'nginx' : program;
}
