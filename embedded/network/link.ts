import { readFile, writeFile } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { nthAddress } from './addresses.ts';

/** Behind every other route of the same range. */
const unreachableMetric = '4278198272';

export interface LinkOptions {
  readonly instance: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
}

/** Name of the host's own link in the pod network. Linux allows 15 bytes. */
export function linkName(instance: string): string {
  return `${instance}0`;
}

/** The host's address in the pod network: the pods' gateway, and where cluster DNS listens. */
export function gatewayAddress(podCidr: string): string {
  return nthAddress(podCidr, 1);
}

/**
 * Makes the bridge `<instance>0`, which has no ports: it holds the gateway address and the route of service
 * addresses, so that the host reaches services even without a default route. Turns IP forwarding on when
 * it is off, since pods are routed, and says so.
 */
export async function ensureLink(options: LinkOptions, log: Logger): Promise<void> {
  const link = linkName(options.instance);
  const { code } = await run('ip', ['link', 'show', 'dev', link]);
  if (code !== 0) await ip('link', 'add', 'name', link, 'type', 'bridge');
  await ip('address', 'replace', `${gatewayAddress(options.podCidr)}/32`, 'dev', link);
  await ip('link', 'set', 'dev', link, 'up');
  await ip('route', 'replace', options.serviceCidr, 'dev', link, 'src', gatewayAddress(options.podCidr));
  // Each pod has a route of its own; what is sent to one that is gone must fail here at once and not leave
  // the machine by its default route, where anything could answer.
  await ip('route', 'replace', 'unreachable', options.podCidr, 'metric', unreachableMetric);

  const forwarding = '/proc/sys/net/ipv4/ip_forward';
  if ((await readFile(forwarding, 'utf8')).trim() !== '1') {
    await writeFile(forwarding, '1');
    log.info({ instance: options.instance }, 'turned IPv4 forwarding on: pods are routed through this host');
  }
}

/** Removes the bridge with its address and all routes; IP forwarding stays as it is. */
export async function removeLink(instance: string, podCidr: string): Promise<void> {
  await run('ip', ['route', 'delete', 'unreachable', podCidr, 'metric', unreachableMetric]);
  const { code } = await run('ip', ['link', 'show', 'dev', linkName(instance)]);
  if (code === 0) await ip('link', 'delete', 'dev', linkName(instance));
}

export interface Route {
  readonly dst: string;
  /** Absent: it leads nowhere. */
  readonly dev?: string;
}

/** This host's IPv4 routes to addresses within a network. */
export async function listRoutes(cidr: string): Promise<Route[]> {
  const { stdout } = await run('ip', ['-json', '-4', 'route', 'show', 'root', cidr], { keepBytes: 16 << 20 });
  return JSON.parse(stdout || '[]') as Route[];
}

/**
 * Removes the links of pods whose address is none of those given: what an engine that was ended by force left
 * would take what is sent to the next pod with its address.
 */
export async function removeStrayLinks(podCidr: string, addresses: readonly string[]): Promise<void> {
  const routes = await listRoutes(podCidr);
  const strays = routes.filter(({ dst, dev }) => dev?.startsWith('veth') && !addresses.includes(dst));
  for (const { dev = '' } of strays) await run('ip', ['link', 'delete', 'dev', dev]);
}

/** Throws INTERNAL with what ip(8) says. */
export async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await run('ip', args);
  if (code !== 0) throw new AppError('INTERNAL', `Cannot run "ip ${args.join(' ')}": ${stderr.trim()}`);
}
