import { createHmac } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import { post } from '../http.ts';
import { markdownOf, titleOf, truncate } from '../text.ts';
import { stateOf } from '../words.ts';
import type { Channel } from './channel.ts';

/** https://developer.work.weixin.qq.com/document/path/91770: Markdown of at most 4096 bytes. */
export const wechatWork: Channel<'WECHAT_WORK'> = async ({ notification, secret, policy }) => {
  const body = { msgtype: 'markdown', markdown: { content: markdownOf(notification, 4_000) } };
  requireDone(await post({ url: secret.url, body: JSON.stringify(body), policy }));
};

/** https://open.dingtalk.com/document/robots/custom-robot-access: signed by time and key. */
export const dingtalk: Channel<'DINGTALK'> = async ({ notification, secret, policy }) => {
  const url = new URL(secret.url);
  if (secret.signingKey !== undefined) {
    const timestamp = String(Date.now());
    const sign = createHmac('sha256', secret.signingKey)
      .update(`${timestamp}\n${secret.signingKey}`)
      .digest('base64');
    url.searchParams.set('timestamp', timestamp);
    url.searchParams.set('sign', sign);
  }
  const title = truncate(titleOf(notification), 120);
  const body = { msgtype: 'markdown', markdown: { title, text: markdownOf(notification, 18_000) } };
  requireDone(await post({ url: url.href, body: JSON.stringify(body), policy }));
};

/** https://api.slack.com/messaging/webhooks */
export const slack: Channel<'SLACK'> = async ({ notification, settings, secret, policy }) => {
  const lines = notification.alerts.map(
    (alert) => `• ${stateOf(alert, notification.language)} ${escapeSlack(alert.summary)}`,
  );
  const text = truncate([`*${escapeSlack(titleOf(notification))}*`, ...lines].join('\n'), 3_000);
  const body = { text, ...(settings.channel === undefined ? {} : { channel: settings.channel }) };
  await post({ url: secret.url, body: JSON.stringify(body), policy });
};

/** Both robots answer 200 whatever happened, and say in the body how it went. */
function requireDone(answer: string): void {
  let said: { readonly errcode?: unknown; readonly errmsg?: unknown };
  try {
    said = JSON.parse(answer) as typeof said;
  } catch (cause) {
    throw new AppError('INVALID', 'The robot does not answer as one', { cause });
  }
  if (said.errcode === 0) return;
  // Too many messages: 45009 of WeChat Work, 130101 and 660026 of DingTalk; -1 is "busy".
  const isPassing = [45_009, 130_101, 660_026, -1].includes(Number(said.errcode));
  const why = typeof said.errmsg === 'string' ? said.errmsg.slice(0, 200) : 'no reason';
  throw new AppError(isPassing ? 'UNAVAILABLE' : 'INVALID', `The robot refuses the message: ${why}`);
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
