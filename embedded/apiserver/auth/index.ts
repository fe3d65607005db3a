export { authenticate, userOfToken, type User } from './authenticate.ts';
export { type Authorizer, type RequestAttributes } from './authorize.ts';
export { grantingRight, RoleAuthorizer } from './rbac.ts';
export { TokenIssuer, type IssuedToken } from './tokens.ts';
