export { type EgressPolicy, kindOf, pinHost, type PinnedHost } from './pin.ts';
export { post, type Post } from './post.ts';
