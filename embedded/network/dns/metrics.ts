import { createServer, type Server } from 'node:http';
import type { Resolver } from './resolver.ts';

/** What the server does, in Prometheus' text format and in CoreDNS' words, so that who reads that one reads this one. */
export function renderMetrics({ questions, forwarder }: Pick<Resolver, 'questions' | 'forwarder'>): string {
  const { entries, requests, hits, servers } = forwarder.figures;
  const lines = [
    `coredns_dns_requests_total ${questions}`,
    `coredns_cache_entries ${entries}`,
    `coredns_cache_requests_total ${requests}`,
    `coredns_cache_hits_total ${hits}`,
  ];
  for (const [to, asked] of servers) {
    lines.push(`coredns_forward_requests_total{to="${to}"} ${asked.questions}`);
    lines.push(`coredns_forward_healthcheck_failures_total{to="${to}"} ${asked.failures}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Serves them at `/metrics`; who cannot have the port is told by `onError` and serves names all the same. */
export function startMetrics(
  resolver: Resolver,
  at: { readonly host: string; readonly port: number },
  onError: (text: string) => void,
): Server {
  const server = createServer((request, response) => {
    const isKnown = request.method === 'GET' && request.url === '/metrics';
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(isKnown ? renderMetrics(resolver) : '');
  });
  server.on('error', (error) => onError(`no metrics: ${error.message}`));
  // A new version begins beside the old one.
  return server.listen({ ...at, reusePort: true });
}
