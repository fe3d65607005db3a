import type { ReceiverKind, ReceiverSecret, ReceiverSettings } from '@skyarc/lib/contracts';
import type { EgressPolicy } from '@skyarc/lib/egress';
import type { ToldNotification } from '../notification.ts';

export interface Delivery<Kind extends ReceiverKind> {
  readonly notification: ToldNotification;
  readonly settings: ReceiverSettings<Kind>;
  readonly secret: ReceiverSecret<Kind>;
  readonly policy: EgressPolicy;
}

/** A way to tell somebody. Throws UNAVAILABLE for what may work later, anything else for what will not. */
export type Channel<Kind extends ReceiverKind> = (delivery: Delivery<Kind>) => Promise<void>;
