export { authenticate, userOfToken, type User } from './authenticate.ts';
export { mastersOnly, type Authorizer, type RequestAttributes } from './authorize.ts';
export { TokenIssuer, type IssuedToken } from './tokens.ts';
