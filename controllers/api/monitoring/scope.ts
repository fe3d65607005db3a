import { namespaceOf } from '@skyarc/lib/contracts';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';

const scoped = z.object({ expression: z.string() });

/** The expression over what the caller may see. Throws INVALID for what is no expression. */
export async function scopeTo(api: Api, expression: string, context: CallContext): Promise<string> {
  if (context.teams === 'all') return expression;
  const body = { expression, namespace: namespaceOf(theTeam(context)) };
  return (await api.monitor.call('POST', '/scope', scoped, body)).expression;
}
