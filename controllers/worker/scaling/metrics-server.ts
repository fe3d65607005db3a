import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { closeHttp, listen } from '@skyarc/lib/lifecycle';
import type { Term } from '@skyarc/lib/kube';
import { repeat, sleep } from '@skyarc/lib/retry';
import type { WorkerContext } from '../context.ts';
import { ensureIdentity } from './identity.ts';
import { answerMetrics } from './metrics-api.ts';
import { registerMetrics } from './registration.ts';
import { RequestRates } from './request-rates.ts';

const registerEveryMs = 30_000;

/**
 * Serves request rates to the cluster's autoscaler while this worker leads, and stays registered. Only the
 * cluster's API server may ask (its front proxy's certificate).
 */
export class MetricsServer {
  private readonly context: WorkerContext;
  private readonly term: Term;

  constructor(context: WorkerContext, term: Term) {
    this.context = context;
    this.term = term;
  }

  /** Until the term is over; tries again for ever. */
  async run(): Promise<void> {
    const { config, log } = this.context;
    if (config.gatewayUrls.length === 0) return;
    await repeat(() => this.serve(), {
      everyMs: registerEveryMs,
      signal: this.term.signal,
      onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot offer request rates'),
    });
  }

  private async serve(): Promise<void> {
    const { kube, config } = this.context;
    const { signal } = this.term;
    const { host, address = host } = config.metrics;
    const identity = await ensureIdentity(kube, config.systemNamespace);
    const server = await this.serverOf(identity);
    const port = await listen(server, config.metrics);
    try {
      const place = { namespace: config.systemNamespace, address, port, authority: identity.authority };
      while (!signal.aborted) {
        await registerMetrics(kube, place);
        await sleep(registerEveryMs, signal).catch(() => undefined);
      }
    } finally {
      await closeHttp(server);
    }
  }

  private async serverOf(identity: { cert: string; key: string }): Promise<Server> {
    const { kube, config } = this.context;
    const trust = await kube.find('configmaps', 'extension-apiserver-authentication', 'kube-system');
    const ca = trust?.data?.['requestheader-client-ca-file'];
    if (!ca) throw new AppError('UNAVAILABLE', 'The cluster does not tell whom its front proxy is signed by');
    const allowed = JSON.parse(trust.data?.['requestheader-allowed-names'] ?? '[]') as string[];
    const rates = new RequestRates(config.gatewayUrls);
    const { cert, key } = identity;
    return createServer(
      { cert, key, ca, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject;
        if (allowed.length > 0 && !allowed.includes(CN)) response.writeHead(403).end();
        else void answerMetrics(rates, request, response);
      },
    );
  }
}
