import { messageOf } from '@skyarc/lib/errors';
import { kindOf, pinHost } from '@skyarc/lib/egress';

/** The address of an endpoint that pods may be sent to, or why there is none. */
export async function resolveEndpoint(
  host: string,
  { allowPrivate }: { readonly allowPrivate: boolean },
): Promise<{ address: string; problem: null } | { address: null; problem: string }> {
  try {
    const { address } = await pinHost(host, { allowPrivate });
    const kind = kindOf(address);
    if (kind !== 'loopback' && kind !== 'link-local' && kind !== 'multicast')
      return { address, problem: null };
    return { address: null, problem: `${host} is a ${kind} address, which pods cannot reach` };
  } catch (error) {
    return { address: null, problem: messageOf(error) };
  }
}
