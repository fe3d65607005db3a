import { z } from 'zod';
import { portNumber } from './names.ts';

/** How much an alert matters, the least first. */
export const alertSeverities = ['INFO', 'WARNING', 'CRITICAL'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** In which Skyarc speaks there. */
const told = { language: z.enum(['EN', 'ZH']).default('EN') };

const mailAddress = z.email('is not a mail address').max(254);
const secretUrl = z.strictObject({
  /** Whoever knows it may write there, so it is a secret as a whole. */
  url: z.url({ protocol: /^https?$/, error: 'is not an http or https address' }).max(2_000),
});

/** What each kind of receiver needs; `secret` is kept sealed and never shown. */
export const receiverKinds = {
  MAIL: {
    settings: z.strictObject({
      host: z.string().min(1).max(253),
      port: portNumber.default(587),
      /** TLS from the first byte; else STARTTLS where the server offers it. */
      tls: z.boolean().default(false),
      username: z.string().max(254).optional(),
      from: mailAddress,
      to: z.array(mailAddress).min(1, 'needs an address').max(50),
      ...told,
    }),
    secret: z.strictObject({ password: z.string().max(1_000).optional() }),
  },
  /** Group robot of WeChat Work. */
  WECHAT_WORK: { settings: z.strictObject(told), secret: secretUrl },
  /** Group robot of DingTalk; `signingKey` where the robot asks for signatures. */
  DINGTALK: {
    settings: z.strictObject(told),
    secret: secretUrl.extend({ signingKey: z.string().max(200).optional() }),
  },
  /** Incoming webhook of Slack. */
  SLACK: {
    settings: z.strictObject({ channel: z.string().max(80).optional(), ...told }),
    secret: secretUrl,
  },
  /** JSON by POST; with `signingKey` signed in `x-skyarc-signature`. */
  WEBHOOK: {
    settings: z.strictObject(told),
    secret: secretUrl.extend({ signingKey: z.string().min(8).max(200).optional() }),
  },
  /** An address outside that is called for as long as alerts work, and raises alarm when it no longer is. */
  HEARTBEAT: { settings: z.strictObject({}), secret: secretUrl },
} as const;

export type ReceiverKind = keyof typeof receiverKinds;
export type ReceiverSettings<Kind extends ReceiverKind> = z.output<(typeof receiverKinds)[Kind]['settings']>;
export type ReceiverSecret<Kind extends ReceiverKind> = z.output<(typeof receiverKinds)[Kind]['secret']>;
