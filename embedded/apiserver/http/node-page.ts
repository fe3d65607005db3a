import { AppError } from '@skyarc/lib/errors';
import type { NodeProxy } from '../node-proxy.ts';
import { sendText, type Exchange } from './exchange.ts';
import { notServed } from './target.ts';

const pathPattern = /^\/api\/v1\/nodes\/[^/]+\/proxy(\/.+)$/;

/** Answers `nodes/{name}/proxy/...`, a page that the node's kubelet serves of itself; false for another path. */
export async function sendNodePage(
  nodeProxy: NodeProxy | undefined,
  { path, response }: Pick<Exchange, 'path' | 'response'>,
): Promise<boolean> {
  const wanted = pathPattern.exec(path)?.[1];
  if (wanted === undefined) return false;
  if (!nodeProxy) throw new AppError('UNAVAILABLE', 'No node answers for its pages');
  const page = await nodeProxy.readPage(wanted);
  if (!page) throw notServed();
  sendText(response, 200, page.body, page.contentType);
  return true;
}
