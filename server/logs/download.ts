import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dataCenterOf } from '@skyarc/lib/contracts';
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
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

  /** Streams the log, oldest line first. */
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
  const lines = Readable.from(pages(dataCenter, grant));
  // Nothing is said before the first page is there: until then an error has a status of its own.
  await once(lines, 'readable');
  const isText = grant.format === 'TEXT';
  response.writeHead(200, {
    'content-type': grant.isCompressed
      ? 'application/gzip'
      : isText
        ? 'text/plain; charset=utf-8'
        : 'application/x-ndjson',
    'content-disposition': `attachment; filename="${grant.id}.${isText ? 'log' : 'jsonl'}${grant.isCompressed ? '.gz' : ''}"`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  await (grant.isCompressed ? pipeline(lines, createGzip(), response) : pipeline(lines, response));
}

/** The text of a log, page by page. */
async function* pages(dataCenter: DataCenterClient, grant: LogGrant): AsyncGenerator<string> {
  const source = { kind: grant.kind, id: grant.id };
  const scope = { teams: [grant.team], actor: grant.actor };
  const present = grant.format === 'TEXT' ? textOf : jsonOf;
  for (let after: string | null = '0'; after !== null;) {
    const page: VariablesOf<typeof documents.LogDocument>['page'] = {
      ...grant.filter,
      after,
      last: pageLines,
    };
    const { log }: LogQuery = await dataCenter.call(documents.LogDocument, { source, page }, scope);
    yield log.lines.map(present).join('');
    after = log.hasOlder ? (log.cursor ?? null) : null;
  }
}

type LogQuery = ResultOf<typeof documents.LogDocument>;
type Line = LogQuery['log']['lines'][number];

function textOf({ at, source, text }: Line): string {
  return `${at} ${source} ${text}\n`;
}

function jsonOf({ cursor, at, source, level, channel, text }: Line): string {
  return `${JSON.stringify({ cursor, at, source, level, channel, text })}\n`;
}
