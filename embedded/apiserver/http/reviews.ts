import {
  userOfToken,
  type Authorizer,
  type RequestAttributes,
  type TokenIssuer,
  type User,
} from '../auth/index.ts';
import { isObject, textAt, type JsonObject } from '../object.ts';
import type { Registry } from '../registry.ts';

export interface ReviewContext {
  readonly user: User;
  readonly authorizer: Authorizer;
  readonly tokens: TokenIssuer;
  readonly registry: Registry;
}

/** A question that is answered and not stored. */
export interface Review {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly answer: (spec: JsonObject, context: ReviewContext) => JsonObject;
}

const authorization = { group: 'authorization.k8s.io', version: 'v1' };
const authentication = { group: 'authentication.k8s.io', version: 'v1' };

export const reviews: readonly Review[] = [
  {
    ...authorization,
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    answer: (spec, { user, authorizer }) => ({ allowed: authorizer.allows(user, attributesOf(spec)) }),
  },
  {
    ...authorization,
    kind: 'SubjectAccessReview',
    plural: 'subjectaccessreviews',
    answer: (spec, { authorizer }) => {
      const groups = Array.isArray(spec['groups']) ? spec['groups'].map(String) : [];
      return { allowed: authorizer.allows({ username: textAt(spec, 'user'), groups }, attributesOf(spec)) };
    },
  },
  {
    ...authorization,
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    answer: (spec, { user, authorizer }) => {
      const rules = authorizer.rulesOf(user, textAt(spec, 'namespace') || undefined);
      return {
        resourceRules: rules.filter((rule) => rule['resources']),
        nonResourceRules: rules.filter((rule) => rule['nonResourceURLs']),
        incomplete: false,
      };
    },
  },
  {
    ...authentication,
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    answer: (_spec, { user }) => ({ userInfo: user }),
  },
  {
    ...authentication,
    kind: 'TokenReview',
    plural: 'tokenreviews',
    answer: (spec, context) => {
      try {
        return { authenticated: true, user: userOfToken(textAt(spec, 'token'), context) };
      } catch {
        return { authenticated: false, error: 'the token is not valid' };
      }
    },
  },
];

function attributesOf(spec: JsonObject): RequestAttributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (isObject(path)) return { verb: textAt(path, 'verb'), path: textAt(path, 'path') };
  const given = isObject(resource) ? resource : {};
  const field = (name: string): string => textAt(given, name);
  return {
    verb: field('verb'),
    group: field('group'),
    resource: field('resource'),
    subresource: field('subresource'),
    namespace: field('namespace'),
    name: field('name'),
  };
}
