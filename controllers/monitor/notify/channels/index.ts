import type { ReceiverKind } from '@skyarc/lib/contracts';
import type { Channel } from './channel.ts';
import { mail } from './mail.ts';
import { dingtalk, slack, wechatWork } from './robots.ts';
import { heartbeat, webhook } from './webhook.ts';

/** Every way to tell somebody, by kind of receiver. */
export const channels: { readonly [Kind in ReceiverKind]: Channel<Kind> } = {
  MAIL: mail,
  WECHAT_WORK: wechatWork,
  DINGTALK: dingtalk,
  SLACK: slack,
  WEBHOOK: webhook,
  HEARTBEAT: heartbeat,
};
