import type { Launch } from './buildpack.ts';
import type { PortProtocol, Project } from './settings.ts';

/** What was found of an app, with what its project file wishes over it; nothing is left open. */
export interface Found extends Required<Launch> {
  /** Of the ports that do not carry HTTP or gRPC by their looks. */
  readonly protocols: Readonly<Record<number, PortProtocol>>;
}

/** Ports by custom that carry no HTTP; the original guesses alike (rainbond, 3.3). */
const byCustom: Readonly<Record<number, PortProtocol>> = {
  22: 'TCP',
  1080: 'UDP',
  1883: 'TCP',
  3306: 'TCP',
  5432: 'TCP',
  6379: 'TCP',
  27017: 'TCP',
};

/** The project file's wishes win over what was found in the source. */
export function withWishes(launch: Launch, { run, warnings }: Project): Found {
  const ports = run.ports.length > 0 ? run.ports.map(({ port }) => port) : launch.ports;
  const said = run.ports.flatMap(({ port, protocol }) => (protocol ? [[port, protocol] as const] : []));
  const guessed = ports.flatMap((port) => (byCustom[port] ? [[port, byCustom[port]] as const] : []));
  const env: Record<string, string> = { ...launch.env };
  if (env['PORT'] !== undefined && ports[0] !== undefined) env['PORT'] = String(ports[0]);
  return {
    processes: launch.processes,
    command: launch.command,
    ports: [...new Set(ports)],
    protocols: Object.fromEntries([...guessed, ...said]),
    env: { ...env, ...run.env },
    language: launch.language ?? '',
    version: launch.version ?? null,
    volumes: [...new Set([...run.volumes, ...(launch.volumes ?? [])])],
    memoryMb: run.memoryMb ?? launch.memoryMb ?? null,
    healthPath: run.healthPath ?? launch.healthPath ?? null,
    warnings: [...warnings, ...(launch.warnings ?? [])],
  };
}
