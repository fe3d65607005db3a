import type { JsonObject } from '../object.ts';
import type { User } from './authenticate.ts';

/** What a request wants to do (authorization.k8s.io/v1 ResourceAttributes or NonResourceAttributes). */
export interface RequestAttributes {
  readonly verb: string;
  /** Of a request that is not about a resource. */
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export interface Authorizer {
  allows(user: User, wanted: RequestAttributes): boolean;
  /** The PolicyRules that hold for a user everywhere, and in a namespace when one is given. */
  rulesOf(user: User, namespace: string | undefined): readonly JsonObject[];
}

const open = ['/version', '/healthz', '/livez', '/readyz'];
const discovery = ['/api', '/apis', '/openapi', '/.well-known', '/openid'];
const selfReviews = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews'];

/** Masters may do everything, anyone authenticated may look at what there is and ask about themselves. */
export const mastersOnly: Pick<Authorizer, 'allows'> = {
  allows(user, wanted) {
    if (user.groups.includes('system:masters')) return true;
    const { path, verb, resource = '' } = wanted;
    const isUnder = (roots: readonly string[]): boolean =>
      path !== undefined &&
      verb === 'get' &&
      roots.some((root) => path === root || path.startsWith(`${root}/`));
    if (isUnder(open)) return true;
    return (
      user.groups.includes('system:authenticated') && (isUnder(discovery) || selfReviews.includes(resource))
    );
  },
};
