import type { IncomingMessage, ServerResponse } from 'node:http';
import { dataCenterOf, entityId, webhookPath } from '@skyarc/lib/contracts';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type DataCenterRegistry, RateLimiter } from '@skyarc/server/host';

/** GitHub sends at most 25 MB, and far less for a push that a person made. */
const bodyLimitBytes = 8 << 20;
/** What signatures, events and ids of any sender stand in. */
const wanted =
  /^(content-type|authorization|idempotency-key|webhook-(id|timestamp|signature)|x-(signature-256|delivery-id|hub-signature-256|(github|gitlab|gitee|gitea|gogs|forgejo)-[a-z0-9-]+))$/;

/** Where senders outside POST to; the data centre that owns the webhook proves who they are. */
export class WebhookRoute {
  static readonly path = webhookPath;
  private readonly dataCenters: DataCenterRegistry;
  private readonly byWebhook = new RateLimiter({ burst: 30, perMinute: 60 });
  private readonly byAddress = new RateLimiter({ burst: 60, perMinute: 240 });

  constructor(dataCenters: DataCenterRegistry) {
    this.dataCenters = dataCenters;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const receipt = await this.receive(request);
      const isBegun = receipt.outcome === 'DEPLOYED' || receipt.outcome === 'WAITING';
      answer(response, isBegun ? 202 : 200, { ...receipt, outcome: receipt.outcome ?? 'DUPLICATE' });
    } catch (error) {
      const appError = toAppError(error);
      const retryAfterMs = appError.details?.['retryAfterMs'];
      if (typeof retryAfterMs === 'number')
        response.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
      // What was not read is not waited for.
      if (!request.complete) response.setHeader('connection', 'close');
      const status = appError.details?.['isTooLarge'] ? 413 : httpStatusOf[appError.code];
      answer(response, status, { error: publicMessageOf(appError) });
    }
  }

  private async receive(request: IncomingMessage) {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const id = url.pathname.slice(webhookPath.length);
    const what = 'Cannot take this delivery';
    if (request.method !== 'POST') throw new AppError('INVALID', `${what}: POST it`);
    const remoteAddress = request.socket.remoteAddress ?? '';
    this.byAddress.take(remoteAddress, what);
    const name = entityId.safeParse(id).success && id.includes('.webhook.') ? dataCenterOf(id) : null;
    const dataCenter = name && (await this.dataCenters.find(name));
    if (!dataCenter) throw new AppError('NOT_FOUND', 'There is no such webhook');
    this.byWebhook.take(id, what);
    const body = await bodyOf(request);
    const headers = Object.entries(request.headers).flatMap(([header, value]) =>
      wanted.test(header) && typeof value === 'string' && value.length <= 4_096
        ? [{ name: header, value }]
        : [],
    );
    const input = {
      headers,
      body: body.toString('base64'),
      token: url.searchParams.get('token'),
      remoteAddress: remoteAddress.slice(0, 64),
    };
    const scope = { teams: ['*'], actor: 'webhook' };
    return (await dataCenter.call(documents.ReceiveWebhookDocument, { id, input }, scope)).receiveWebhook;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  const tooLarge = () =>
    new AppError('INVALID', `Cannot take this delivery: it has more than ${bodyLimitBytes >> 20} MiB`, {
      details: { isTooLarge: true },
    });
  if (Number(request.headers['content-length'] ?? 0) > bodyLimitBytes) throw tooLarge();
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bodyLimitBytes) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function answer(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body)}\n`);
}
