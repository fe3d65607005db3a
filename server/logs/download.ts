import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dataCenterOf } from '@skyarc/lib/contracts';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import {
  type DataCenterClient,
  dataCenterDocuments as documents,
  type DataCenterRegistry,
} from '@skyarc/server/host';
import type { LogGrant } from './records.ts';

const lifeMs = 60_000;
const pageLines = 5_000;

/** Signed, short-lived addresses of whole logs. The key lives with the process: a restart ends all of them. */
export class LogDownloads {
  static readonly path = '/logs/download';
  private readonly key = randomBytes(32);
  private readonly dataCenters: DataCenterRegistry;

  constructor(dataCenters: DataCenterRegistry) {
    this.dataCenters = dataCenters;
  }

  urlOf(grant: LogGrant): string {
    const body = Buffer.from(JSON.stringify({ ...grant, until: Date.now() + lifeMs })).toString('base64url');
    return `${LogDownloads.path}?grant=${body}.${this.sign(body).toString('base64url')}`;
  }

  /** Streams the log as text, oldest line first. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.method !== 'GET') throw new AppError('INVALID', 'Cannot download by this method: use GET');
      const grant = this.open(
        new URL(request.url ?? '/', 'http://localhost').searchParams.get('grant') ?? '',
      );
      const dataCenter = await this.dataCenters.get(dataCenterOf(grant.id));
      await stream(dataCenter, grant, response);
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      const appError = toAppError(error);
      response
        .writeHead(httpStatusOf[appError.code], { 'content-type': 'text/plain; charset=utf-8' })
        .end(`${publicMessageOf(appError)}\n`);
    }
  }

  private open(text: string): LogGrant {
    const [body = '', signature = ''] = text.split('.');
    const expected = this.sign(body);
    const given = Buffer.from(signature, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new AppError('FORBIDDEN', 'Cannot download the log: the address is not valid');
    }
    const grant = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as LogGrant & { until: number };
    if (grant.until < Date.now()) {
      throw new AppError('FORBIDDEN', 'Cannot download the log: the address has ended; ask for a new one');
    }
    return grant;
  }

  private sign(body: string): Buffer {
    return createHmac('sha256', this.key).update(body).digest();
  }
}

async function stream(
  dataCenter: DataCenterClient,
  grant: LogGrant,
  response: ServerResponse,
): Promise<void> {
  const source = { kind: grant.kind, id: grant.id };
  const scope = { teams: [grant.team], actor: grant.actor };
  let after = '0';
  for (let isWhole = false; !isWhole && !response.destroyed;) {
    const page = { after, last: pageLines };
    const { lines } = (await dataCenter.call(documents.LogDocument, { source, page }, scope)).log;
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'text/plain; charset=utf-8',
        'content-disposition': `attachment; filename="${grant.id}.log"`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
    }
    const text = lines.map((line) => `${line.at} ${line.source} ${line.text}\n`).join('');
    if (!response.write(text)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    isWhole = lines.length < pageLines;
    after = lines.at(-1)?.cursor ?? after;
  }
  response.end();
}
