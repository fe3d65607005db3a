import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';

/** What came in, before anything of it is believed. */
export interface WebhookRequest {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** The token that stood in the address. */
  readonly token: string | null;
  readonly nowMs: number;
}

/** How a request proved that it knows the secret. */
export interface Proof {
  /** True when the body itself is signed, so that the same one again can only be a repetition. */
  readonly signsBody: boolean;
}

/** What a sender says, in one form for all. */
export type Notice =
  | { readonly kind: 'PING'; readonly event: string }
  | { readonly kind: 'OTHER'; readonly event: string; readonly why: string }
  | PushNotice
  | ImageNotice;

export interface PushNotice {
  readonly kind: 'PUSH';
  readonly event: string;
  /** Name of a branch or tag; null: it does not say, so it is meant for the app. */
  readonly branch: string | null;
  readonly isTag: boolean;
  readonly commitId: string | null;
  readonly message: string | null;
  /** Files that changed; null when not all are known. */
  readonly paths: readonly string[] | null;
}

export interface ImageNotice {
  readonly kind: 'IMAGE';
  readonly event: string;
  /** What was pushed: repository without its registry, and tag. */
  readonly images: readonly { readonly repository: string; readonly tag: string | null }[];
}

/** One kind of sender. */
export interface WebhookFormat {
  /** Null when the request does not prove that it knows the secret; compares in constant time. */
  verify(request: WebhookRequest, secret: string): Proof | null;
  /** What the sender calls this delivery, the same when it is sent again; null when it has no name for it. */
  deliveryOf(request: WebhookRequest): string | null;
  /** Throws INVALID for a body that is not as the sender's should be. */
  read(request: WebhookRequest): Notice;
}

/** Equal texts, without telling by its time how much of them is. */
export function isSame(left: string | null | undefined, right: string): boolean {
  const same = timingSafeEqual(digest(left ?? ''), digest(right));
  return same && left !== null && left !== undefined && left !== '';
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** HMAC-SHA256 of the body in hexadecimal. */
export function bodyHmac(secret: string, body: Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

export type Json = Readonly<Record<string, unknown>>;

/** The body as a JSON object; a form's field `payload` is one, too. Throws INVALID. */
export function jsonOf({ headers, body }: WebhookRequest): Json {
  const isForm = headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  const text = isForm ? (new URLSearchParams(body.toString()).get('payload') ?? '') : body.toString();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // Said below.
  }
  throw new AppError('INVALID', 'The body is no JSON object');
}

export const textAt = (value: unknown): string | null => (typeof value === 'string' && value ? value : null);
export const objectAt = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};
export const listAt = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A push as GitHub, GitLab, Gitee, Gitea and Gogs have it. */
export function pushOf(event: string, payload: Json): Notice {
  const ref = textAt(payload['ref']);
  if (!ref) return { kind: 'OTHER', event, why: 'it names no branch' };
  const after = textAt(payload['after']) ?? textAt(objectAt(payload['head_commit'])['id']);
  if (payload['deleted'] === true || (after !== null && /^0+$/.test(after)))
    return { kind: 'OTHER', event, why: 'a branch or tag was removed' };
  const commits = listAt(payload['commits']).map(objectAt);
  const head = payload['head_commit'] ? objectAt(payload['head_commit']) : commits.at(-1);
  const total = payload['total_commits_count'] ?? payload['total_commits'] ?? payload['size'];
  const isWhole = commits.length > 0 && !(typeof total === 'number' && total > commits.length);
  const files = commits.flatMap((commit) =>
    ['added', 'modified', 'removed'].flatMap((field) => listAt(commit[field])),
  );
  return {
    kind: 'PUSH',
    event,
    branch: ref.replace(/^refs\/(heads|tags)\//, ''),
    isTag: ref.startsWith('refs/tags/'),
    commitId: after,
    message: textAt(head?.['message']),
    paths: isWhole && commits.length < 1_000 ? files.filter((one) => typeof one === 'string') : null,
  };
}
