import { readFile, readlink } from 'node:fs/promises';

/** Counters of one link since it was made. */
export interface LinkUsage {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly receiveDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
  readonly sendDropped: number;
}

/** The links that a process sees, without loopback; none for one in the host's own network. */
export async function readLinks(pid: number): Promise<LinkUsage[]> {
  try {
    const [own, host] = await Promise.all([readlink(`/proc/${pid}/ns/net`), readlink('/proc/self/ns/net')]);
    return own === host ? [] : parseLinks(await readFile(`/proc/${pid}/net/dev`, 'utf8'));
  } catch {
    return []; // The process has ended in the meantime.
  }
}

/** Reads the table of /proc/net/dev (proc_pid_net(5)). */
export function parseLinks(text: string): LinkUsage[] {
  return text
    .split('\n')
    .filter((line) => line.includes(':'))
    .map((line) => {
      const [name = '', rest = ''] = line.split(':');
      const numbers = rest.trim().split(/\s+/).map(Number);
      const at = (index: number) => numbers[index] ?? 0;
      return {
        name: name.trim(),
        receivedBytes: at(0),
        receivedPackets: at(1),
        receiveErrors: at(2),
        receiveDropped: at(3),
        sentBytes: at(8),
        sentPackets: at(9),
        sendErrors: at(10),
        sendDropped: at(11),
      };
    })
    .filter(({ name }) => name !== 'lo');
}
