import type { IncomingMessage } from 'node:http';
import { apiError } from '../errors.ts';

/** The form in which a client wants objects: as they are, as printed table, or metadata only. */
export type Form = 'object' | 'table' | 'metadata';

/** The first form in the Accept header that is offered; 406 when none is. */
export function formOf(request: IncomingMessage): Form {
  const accept = request.headers.accept ?? '';
  if (accept.trim() === '') return 'object';
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    const named = Object.fromEntries(parameters.map((part) => part.split('=', 2) as [string, string]));
    const { as } = named;
    if (as === undefined) return 'object';
    if (named['g'] !== 'meta.k8s.io' || named['v'] !== 'v1') continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
  }
  throw apiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json');
}
