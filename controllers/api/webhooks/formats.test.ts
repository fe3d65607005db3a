import { createHmac } from 'node:crypto';
import type { AppSource, WebhookKind } from '@skyarc/lib/contracts';
import { webhookFilter } from '@skyarc/lib/contracts';
import { expect, test } from 'vitest';
import { decide } from './decide.ts';
import { formats, type WebhookRequest } from './formats/index.ts';

const secret = 'a'.repeat(64);
const push = JSON.stringify({ ref: 'refs/heads/main', after: 'f'.repeat(40), commits: [{ message: 'x' }] });
const nowMs = 1_800_000_000_000;
const hmac = (text: string, key: string | Buffer = secret) => createHmac('sha256', key).update(text);

function request(headers: Record<string, string>, body = push, token: string | null = null): WebhookRequest {
  return { headers: new Map(Object.entries(headers)), body: Buffer.from(body), token, nowMs };
}

const hex = hmac(push).digest('hex');
const giteeSign = hmac(`${nowMs}\n${secret}`).digest('base64');
const seconds = String(nowMs / 1_000);
const standard = `v1,${hmac(`id1.${seconds}.${push}`).digest('base64')}`;

test.each<[WebhookKind, Record<string, string>, string | null]>([
  ['GITHUB', { 'x-hub-signature-256': `sha256=${hex}` }, null],
  ['GITHUB', { 'x-hub-signature-256': `sha256=${hex.toUpperCase()}` }, null],
  ['GITLAB', { 'x-gitlab-token': secret }, null],
  ['GITEE', { 'x-gitee-token': secret }, null],
  ['GITEE', { 'x-gitee-token': giteeSign, 'x-gitee-timestamp': String(nowMs) }, null],
  ['GITEE', { 'x-gitee-token': encodeURIComponent(giteeSign), 'x-gitee-timestamp': String(nowMs) }, null],
  ['GITEA', { 'x-gitea-signature': hex }, null],
  ['GITEA', { 'x-gogs-signature': hex }, null],
  ['GITEA', { 'x-forgejo-signature': hex }, null],
  ['GENERIC', { authorization: `Bearer ${secret}` }, null],
  ['GENERIC', { 'x-signature-256': `sha256=${hex}` }, null],
  ['GENERIC', { 'x-signature-256': hex }, null],
  [
    'GENERIC',
    { 'webhook-id': 'id1', 'webhook-timestamp': seconds, 'webhook-signature': `v1,bad ${standard}` },
    null,
  ],
  ['IMAGE', {}, secret],
  ['IMAGE', { authorization: `Bearer ${secret}` }, null],
  ['IMAGE', { authorization: secret }, null],
])('%s takes %o', (kind, headers, token) => {
  expect(formats[kind].verify(request(headers, push, token), secret)).not.toBeNull();
  expect(formats[kind].verify(request(headers, push, token), `${secret}b`)).toBeNull();
});

const old = String(nowMs - 2 * 3_600_000);
test.each<[WebhookKind, Record<string, string>, string | null]>([
  ['GITHUB', {}, null],
  ['GITHUB', { 'x-hub-signature-256': '' }, null],
  ['GITHUB', { 'x-hub-signature-256': hex }, null],
  ['GITHUB', { 'x-hub-signature-256': `sha256=${hmac(`${push} `).digest('hex')}` }, null],
  ['GITHUB', { 'x-hub-signature': `sha1=${createHmac('sha1', secret).update(push).digest('hex')}` }, null],
  ['GITHUB', {}, secret],
  ['GITLAB', { 'x-gitlab-token': '' }, null],
  ['GITLAB', { authorization: `Bearer ${secret}` }, null],
  ['GITEE', { 'x-gitee-token': hmac(`${old}\n${secret}`).digest('base64'), 'x-gitee-timestamp': old }, null],
  ['GITEE', { 'x-gitee-token': giteeSign }, null],
  ['GITEA', { 'x-gitea-signature': '' }, null],
  ['GENERIC', {}, secret],
  ['GENERIC', { 'webhook-id': 'id2', 'webhook-timestamp': seconds, 'webhook-signature': standard }, null],
  [
    'GENERIC',
    { 'webhook-id': 'id1', 'webhook-timestamp': '1700000000', 'webhook-signature': standard },
    null,
  ],
  ['IMAGE', {}, null],
  ['IMAGE', {}, ''],
])('%s refuses %o', (kind, headers, token) => {
  expect(formats[kind].verify(request(headers, push, token), secret)).toBeNull();
});

const git: AppSource = { kind: 'GIT', url: 'https://x.test/a.git', branch: 'main' };
const pushed = (over: object = {}, event = 'push') =>
  formats.GITHUB.read(request({ 'x-github-event': event }, JSON.stringify({ ...JSON.parse(push), ...over })));
const files = { commits: [{ message: 'x', added: ['docs/a.md'], modified: ['src/b.ts'], removed: [] }] };

test.each<[string, ReturnType<typeof pushed>, object, string]>([
  ['its branch', pushed(), {}, 'DEPLOY'],
  ['another branch', pushed({ ref: 'refs/heads/dev' }), {}, 'IGNORED'],
  ['a pattern', pushed({ ref: 'refs/heads/release/1' }), { branches: ['release/*'] }, 'DEPLOY'],
  ['no pattern', pushed(), { branches: ['release/*'] }, 'IGNORED'],
  ['a tag', pushed({ ref: 'refs/tags/main' }), {}, 'IGNORED'],
  ['a removed branch', pushed({ deleted: true }), {}, 'IGNORED'],
  ['a ping', pushed({}, 'ping'), {}, 'PING'],
  ['an issue', pushed({}, 'issues'), {}, 'IGNORED'],
  ['a path', pushed(files), { paths: ['src/**'] }, 'DEPLOY'],
  ['no path', pushed(files), { paths: ['web/**'] }, 'IGNORED'],
  ['unknown paths', pushed({ commits: [] }), { paths: ['web/**'] }, 'DEPLOY'],
  ['a part of the paths', pushed({ ...files, total_commits_count: 40 }), { paths: ['web/**'] }, 'DEPLOY'],
  ['a marker', pushed({ head_commit: { message: 'Fix [skip ci]\n\nmore' } }), {}, 'IGNORED'],
  ['a marker unheeded', pushed({ head_commit: { message: '[ci skip]' } }), { skipMarkers: false }, 'DEPLOY'],
])('%s', (_what, notice, filter, outcome) => {
  expect(decide(notice, git, webhookFilter.parse(filter)).outcome).toBe(outcome);
});

test.each<[string, object, string]>([
  ['shop/web', { repository: { repo_name: 'shop/web' }, push_data: { tag: 'latest' } }, 'DEPLOY'],
  ['shop/web:2', { repository: { repo_name: 'shop/web' }, push_data: { tag: 'latest' } }, 'IGNORED'],
  ['nginx', { repository: { repo_name: 'library/nginx' }, push_data: { tag: 'latest' } }, 'DEPLOY'],
  [
    'hub.test:5000/shop/web:2',
    { events: [{ id: '1', action: 'push', target: { repository: 'shop/web', tag: '2' } }] },
    'DEPLOY',
  ],
  [
    'hub.test/shop/web:2',
    { events: [{ id: '1', action: 'pull', target: { repository: 'shop/web', tag: '2' } }] },
    'IGNORED',
  ],
  [
    'hub.test/shop/web:2',
    { events: [{ id: '1', action: 'push', target: { repository: 'shop/web' } }] },
    'IGNORED',
  ],
  [
    'hub.test/shop/web:2',
    {
      type: 'PUSH_ARTIFACT',
      event_data: { repository: { repo_full_name: 'shop/web' }, resources: [{ tag: '2' }] },
    },
    'DEPLOY',
  ],
  [
    `shop/web@sha256:${'a'.repeat(64)}`,
    { repository: { repo_name: 'shop/web' }, push_data: { tag: 'latest' } },
    'IGNORED',
  ],
  ['shop/web', { hello: 1 }, 'IGNORED'],
])('a registry pushed what %s is made of', (image, body, outcome) => {
  const notice = formats.IMAGE.read(request({}, JSON.stringify(body)));
  expect(decide(notice, { kind: 'IMAGE', image }, webhookFilter.parse({})).outcome).toBe(outcome);
});

test.each(['', 'null', '[]', '{', '"x"', 'payload=%7B'])('a body %s is none', (body) => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(() => formats.GITHUB.read(request({ 'x-github-event': 'push' }, body))).toThrow(/no JSON object/);
  expect(() => formats.GITHUB.read(request({ 'x-github-event': 'push', ...form }, body))).toThrow(
    /no JSON object/,
  );
});

test('a form carries the payload, too', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'x-github-event': 'push' };
  const notice = formats.GITHUB.read(request(form, `payload=${encodeURIComponent(push)}`));
  expect(notice).toMatchObject({ kind: 'PUSH', branch: 'main', commitId: 'f'.repeat(40) });
});
