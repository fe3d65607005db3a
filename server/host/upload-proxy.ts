import type { IncomingMessage, ServerResponse } from 'node:http';
import { dataCenterOf, uploadGrant, uploadPath } from '@skyarc/lib/contracts';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { readClaims } from '@skyarc/lib/signed-grant';
import type { Authenticator } from './context.ts';
import type { DataCenterRegistry } from './data-centers/registry.ts';
import { requireRole } from './policy.ts';
import { credentialOf, foreignOrigin } from './request.ts';
import { bindingOf } from './terminal-proxy.ts';

export interface UploadProxyOptions {
  readonly authenticator: Authenticator;
  readonly dataCenters: DataCenterRegistry;
  readonly publicOrigins: readonly string[];
}

/**
 * The way of uploads into their data centre, as bytes: nothing is kept here. The grant's own proof is the data
 * centre's business; here it is whether its bearer is logged in, the one it was made for, and still may.
 */
export class UploadProxy {
  static readonly path = uploadPath;
  private readonly options: UploadProxyOptions;

  constructor(options: UploadProxyOptions) {
    this.options = options;
  }

  /** Serves `PUT /uploads?grant=...`; never throws. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authenticator, dataCenters, publicOrigins } = this.options;
    try {
      const refusal = foreignOrigin(request, publicOrigins);
      if (refusal !== undefined) throw new AppError('FORBIDDEN', refusal);
      if (request.method !== 'PUT') throw new AppError('INVALID', 'Cannot upload by this method: use PUT');
      const grant = new URL(request.url ?? '/', 'http://localhost').searchParams.get('grant') ?? '';
      const claims = readClaims(uploadGrant, grant);
      if (!claims) throw new AppError('FORBIDDEN', 'Cannot upload: the grant is not valid');
      const identity = await authenticator.identify(credentialOf(request));
      if (!identity) throw new AppError('UNAUTHENTICATED', 'Log in first');
      const binding = bindingOf(identity);
      if (binding !== claims.binding)
        throw new AppError('FORBIDDEN', 'Cannot upload: the grant is not yours');
      requireRole(identity, { name: claims.team }, 'DEVELOPER');
      const dataCenter = await dataCenters.get(dataCenterOf(claims.id));
      const path = `${uploadPath}?grant=${encodeURIComponent(grant)}`;
      await dataCenter.pass(request, response, { path, headers: { 'x-skyarc-binding': binding } });
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
