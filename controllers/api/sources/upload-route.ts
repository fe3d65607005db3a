import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import type { Uploads } from './uploads.ts';

/** `PUT /uploads?grant=...`: the bytes of an upload, answered with its digest as JSON. */
export async function serveUpload(
  uploads: Uploads,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (status: number, body: object): void => {
    // What is still on its way is not waited for.
    const headers = {
      'content-type': 'application/json',
      ...(request.complete ? {} : { connection: 'close' }),
    };
    response.writeHead(status, headers).end(JSON.stringify(body));
  };
  try {
    if (request.method !== 'PUT') throw new AppError('INVALID', 'Cannot upload by this method: use PUT');
    answer(200, await uploads.receive(request));
  } catch (error) {
    const appError = toAppError(error);
    answer(httpStatusOf[appError.code], { code: appError.code, message: publicMessageOf(appError) });
  }
}
