import { AppError } from '@skyarc/lib/errors';
import { serviceOfMqToken } from '@skyarc/lib/mq-client';
import type { HeaderSource } from '@skyarc/lib/rpc';
import type { MqAccess } from './config.ts';

export type Right = 'publish' | 'subscribe';

/** Who may do what. What no rule allows is refused. */
export class Access {
  private readonly rules: MqAccess | undefined;

  /** Without rules everything is allowed. */
  constructor(rules: MqAccess | undefined) {
    this.rules = rules;
  }

  /** Throws UNAUTHENTICATED for a caller without a good token, FORBIDDEN for one without the right. */
  check(headers: HeaderSource, right: Right, topic: string): void {
    this.require(headers, `${right} "${topic}"`, (service) => allows(service[right], topic));
  }

  /** For the work of operators. */
  checkOperator(headers: HeaderSource): void {
    this.require(headers, 'operate topics', ({ operate }) => operate);
  }

  /** Who may see a topic's depth: all who have to do with it. */
  checkReader(headers: HeaderSource, topic: string): void {
    this.require(
      headers,
      `see "${topic}"`,
      ({ operate, publish, subscribe }) => operate || allows(publish, topic) || allows(subscribe, topic),
    );
  }

  private require(
    headers: HeaderSource,
    what: string,
    isAllowed: (service: MqAccess['services'][string]) => boolean,
  ): void {
    if (!this.rules) return;
    const [, token = ''] = /^Bearer (\S+)$/.exec(headers.get('authorization') ?? '') ?? [];
    const name = serviceOfMqToken(this.rules.secret, token);
    if (name === null) {
      throw new AppError(
        'UNAUTHENTICATED',
        `Cannot ${what}: send a service's token as "authorization: Bearer"`,
      );
    }
    const service = this.rules.services[name];
    if (service && isAllowed(service)) return;
    throw new AppError('FORBIDDEN', `Cannot ${what}: service "${name}" has no right to it`);
  }
}

function allows(patterns: readonly string[], topic: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern,
  );
}
