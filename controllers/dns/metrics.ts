import { Counter, Gauge, type Registry } from 'prom-client';
import type { DnsController, Outcome } from './controller.ts';

const codeNames: Readonly<Record<number, string>> = {
  0: 'NOERROR',
  2: 'SERVFAIL',
  3: 'NXDOMAIN',
  5: 'REFUSED',
};
const knownTypes = new Set([
  'A',
  'AAAA',
  'CAA',
  'CNAME',
  'HTTPS',
  'MX',
  'NS',
  'SOA',
  'SRV',
  'TXT',
  'ANY',
  'PTR',
]);

/** Counts what becomes of questions; the labels have few values, whatever is asked. */
export function createCounter(registry: Registry): (outcome: Outcome) => void {
  const counter = new Counter({
    name: 'skyarc_dns_queries_total',
    help: 'Questions by zone, type, code, transport and whether the answer was sent, truncated or dropped',
    labelNames: ['zone', 'type', 'code', 'transport', 'verdict'],
    registers: [registry],
  });
  return ({ zone, type, code, isTcp, verdict }) =>
    counter.inc({
      zone,
      type: knownTypes.has(type) ? type : 'other',
      code: codeNames[code] ?? 'other',
      transport: isTcp ? 'tcp' : 'udp',
      verdict,
    });
}

export function registerGauges(registry: Registry, controller: DnsController): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('skyarc_dns_gateways', 'Gateways that are known', () => controller.gateways.length);
  gauge(
    'skyarc_dns_gateways_alive',
    'Gateways that take connections',
    () => controller.livingGateways.length,
  );
  gauge('skyarc_dns_cluster_silence_seconds', 'Time since the cluster last answered', () =>
    Math.min(controller.clusterSilenceSec, 1e9),
  );
}
