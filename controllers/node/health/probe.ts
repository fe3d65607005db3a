import { connect } from 'node:net';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import type { ServiceConfig } from './config.ts';

/** Why a service is not healthy. */
export interface Finding {
  readonly problem: string;
  /** It gave no answer at all, not even a bad one. */
  readonly isSilent: boolean;
}

/** Undefined when it is healthy. Never throws. */
export async function probe({ check, timeoutMs }: ServiceConfig): Promise<Finding | undefined> {
  try {
    if (check.by === 'http') return answered(await askHttp(check.url, timeoutMs));
    if (check.by === 'tcp') return silent(await connectTo(check.host, check.port, timeoutMs));
    return answered(await runCommand(check.command, timeoutMs));
  } catch (error) {
    return { problem: messageOf(error), isSilent: check.by === 'http' };
  }
}

function answered(problem: string | undefined): Finding | undefined {
  return problem === undefined ? undefined : { problem, isSilent: false };
}

function silent(problem: string | undefined): Finding | undefined {
  return problem === undefined ? undefined : { problem, isSilent: true };
}

async function askHttp(url: string, timeoutMs: number): Promise<string | undefined> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'manual' }).catch(
    (cause: unknown) => {
      const why = cause instanceof Error && cause.cause ? messageOf(cause.cause) : messageOf(cause);
      throw new AppError('UNAVAILABLE', `${url} does not answer: ${why}`, { cause });
    },
  );
  const text = await response.text();
  return response.ok ? undefined : `${url} answers ${response.status}: ${text.trim().slice(0, 200)}`;
}

function connectTo(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (problem: string | undefined): void => {
      socket.destroy();
      resolve(problem);
    };
    socket
      .once('connect', () => end(undefined))
      .once('timeout', () => end(`${host}:${port} takes no connection within ${timeoutMs} ms`))
      .once('error', (error) => end(`${host}:${port} takes no connection: ${error.message}`));
  });
}

async function runCommand(command: readonly string[], timeoutMs: number): Promise<string | undefined> {
  const [program = '', ...args] = command;
  const { code, stdout, stderr } = await run(program, args, { timeoutMs, keepBytes: 4_096 });
  if (code === 0) return undefined;
  const said = `${stderr}${stdout}`.trim().split('\n').at(-1);
  return `${program} ended with ${code}${said ? `: ${said}` : ''}`;
}
