import type { IncomingMessage, ServerResponse } from 'node:http';
import { dataCenterOf, slugGrant, slugPath, uploadGrant, uploadPath } from '@skyarc/lib/contracts';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { readClaims } from '@skyarc/lib/signed-grant';
import type { Authenticator } from './context.ts';
import type { DataCenterRegistry } from './data-centers/registry.ts';
import { requireRole } from './policy.ts';
import { credentialOf, foreignOrigin } from './request.ts';
import { bindingOf } from './terminal-proxy.ts';

export interface GrantProxyOptions {
  readonly authenticator: Authenticator;
  readonly dataCenters: DataCenterRegistry;
  readonly publicOrigins: readonly string[];
}

interface Way {
  readonly method: 'GET' | 'PUT';
  /** As a person would say it. */
  readonly verb: string;
  readonly grant: typeof uploadGrant | typeof slugGrant;
}

/** `PUT /uploads?grant=...` and `GET /slugs?grant=...`. */
const ways: ReadonlyMap<string, Way> = new Map([
  [uploadPath, { method: 'PUT', verb: 'upload', grant: uploadGrant }],
  [slugPath, { method: 'GET', verb: 'download', grant: slugGrant }],
]);

/**
 * The way of files into and out of their data centre, as bytes: nothing is kept here. The grant's own proof is the
 * data centre's business; here it is whether its bearer is logged in, the one it was made for, and still may.
 */
export class GrantProxy {
  private readonly options: GrantProxyOptions;

  constructor(options: GrantProxyOptions) {
    this.options = options;
  }

  static serves(path: string): boolean {
    return ways.has(path);
  }

  /** Never throws. */
  async serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authenticator, dataCenters, publicOrigins } = this.options;
    const { method, verb, grant: shape } = ways.get(path) as Way;
    try {
      const refusal = foreignOrigin(request, publicOrigins);
      if (refusal !== undefined) throw new AppError('FORBIDDEN', refusal);
      if (request.method !== method)
        throw new AppError('INVALID', `Cannot ${verb} by this method: use ${method}`);
      const grant = new URL(request.url ?? '/', 'http://localhost').searchParams.get('grant') ?? '';
      const claims = readClaims(shape, grant);
      if (!claims) throw new AppError('FORBIDDEN', `Cannot ${verb}: the grant is not valid`);
      const identity = await authenticator.identify(credentialOf(request));
      if (!identity) throw new AppError('UNAUTHENTICATED', 'Log in first');
      const binding = bindingOf(identity);
      if (binding !== claims.binding)
        throw new AppError('FORBIDDEN', `Cannot ${verb}: the grant is not yours`);
      requireRole(identity, { name: claims.team }, 'DEVELOPER');
      const dataCenter = await dataCenters.get(dataCenterOf(claims.id));
      const target = `${path}?grant=${encodeURIComponent(grant)}`;
      await dataCenter.pass(request, response, { path: target, headers: { 'x-skyarc-binding': binding } });
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      const appError = toAppError(error);
      const body = { code: appError.code, message: publicMessageOf(appError) };
      // What is still on its way is not waited for.
      response
        .writeHead(httpStatusOf[appError.code], { 'content-type': 'application/json', connection: 'close' })
        .end(JSON.stringify(body));
    }
  }
}
