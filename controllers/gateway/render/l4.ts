import { l4Annotation, l4Ports, type L4Port } from '@skyarc/lib/contracts';
import type { GatewaySettings } from '../config.ts';
import type { Problem, Service } from './model.ts';

/** What a Service asks of the gateway's L4 ports, within the range, and what is wrong with the rest. */
export function readL4(
  service: Service,
  range: GatewaySettings['l4Ports'],
): { ports: readonly L4Port[]; problems: Problem[] } {
  const text = service.metadata?.annotations?.[l4Annotation];
  if (text === undefined || service.metadata?.deletionTimestamp) return { ports: [], problems: [] };
  const problem = (message: string): Problem => ({
    object: service,
    kind: 'Service',
    reason: 'InvalidPort',
    message,
  });
  const parsed = l4Ports.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.length ? `${issue.path.join('.')}: ` : '';
    return { ports: [], problems: [problem(`${l4Annotation} cannot be read: ${where}${issue?.message}`)] };
  }
  const problems: Problem[] = [];
  const ports = parsed.data.filter(({ listenPort, servicePort, protocol }) => {
    const shown = `${protocol} port ${listenPort}`;
    if (!range) problems.push(problem(`${shown}: this gateway has no L4 ports`));
    else if (listenPort < range.first || listenPort > range.last)
      problems.push(problem(`${shown} is not in the gateway's range ${range.first}-${range.last}`));
    else if (!hasPort(service, servicePort, protocol))
      problems.push(problem(`${shown} leads nowhere: the service has no ${protocol} port ${servicePort}`));
    else return true;
    return false;
  });
  return { ports, problems };
}

function hasPort(service: Service, port: number, protocol: string): boolean {
  return (service.spec?.ports ?? []).some(
    (each) => each.port === port && (each.protocol ?? 'TCP') === protocol,
  );
}

/** Name of the file, and output, of a port. */
export function l4Key({ protocol, listenPort }: Pick<L4Port, 'protocol' | 'listenPort'>): string {
  return `l4:${protocol.toLowerCase()}-${listenPort}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
