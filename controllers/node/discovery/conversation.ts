import { type MeshGrant, meshGrant } from '@skyarc/lib/contracts';
import type { Node } from '@skyarc/lib/contracts/generated/envoy/config/core/v3/core_pb.js';
import { AppError } from '@skyarc/lib/errors';
import type { StreamCall, StreamListener } from '@skyarc/lib/rpc';
import type { GrantVerifier } from '@skyarc/lib/signed-grant';
import type { Audience } from './audience.ts';
import { Session } from './session.ts';
import type { Dialect, Kind } from './types.ts';
import type { Variant } from './variants.ts';

/** What a client did not take. */
export interface Refusal {
  readonly grant: MeshGrant;
  /** Of the ConfigMap that has the app's rules. */
  readonly object: string;
  readonly kind: Kind;
  readonly message: string;
}

export interface ConversationOptions<Request> {
  readonly call: StreamCall;
  readonly variant: Variant<Request>;
  readonly audience: Audience;
  readonly verifier: GrantVerifier;
  /** Resolves when the cluster was read, or a client has waited for that long enough. */
  readonly untilKnown: () => Promise<unknown>;
  readonly onSent: (kind: Kind) => void;
  readonly onRefusal: (refusal: Refusal) => void;
}

/** One client's stream: its first word says who it is, and is heard once the cluster is known. */
export class Conversation<
  Request extends { readonly node?: Node | undefined },
> implements StreamListener<Request> {
  private readonly options: ConversationOptions<Request>;
  private session: Session | undefined;
  private leave: (() => void) | undefined;
  private isOver = false;
  /** What it said before it was let in. */
  private early: Request[] | undefined;

  constructor(options: ConversationOptions<Request>) {
    this.options = options;
  }

  message(request: Request): void {
    const { call, variant, untilKnown } = this.options;
    if (this.session) variant.hear(this.session, request);
    else if (this.early) this.early.push(request);
    else {
      this.early = [request];
      untilKnown()
        .then(() => this.begin())
        .catch((error: unknown) => call.end(error));
    }
  }

  closed(): void {
    this.isOver = true;
    this.leave?.();
  }

  private begin(): void {
    if (this.isOver) return;
    const session = this.join(this.early?.[0]?.node);
    for (const request of this.early ?? []) this.options.variant.hear(session, request);
    this.early = undefined;
  }

  private join(node: Node | undefined): Session {
    const { call, variant, audience, verifier, onSent, onRefusal } = this.options;
    const grant = readGrant(verifier, node);
    const joined = audience.join(grant, dialectOf(node), (snapshot) => {
      return new Session({
        snapshot,
        tellsRemoval: variant.tellsRemoval,
        send: (response) => {
          onSent(response.kind);
          call.send(variant.render(response));
        },
        onRefusal: (kind, message) => onRefusal({ grant, object: joined.object, kind, message }),
      });
    });
    this.leave = joined.leave;
    return (this.session = joined.session);
  }
}

/** Throws UNAUTHENTICATED without a grant, FORBIDDEN with one that is not ours. */
function readGrant(verifier: GrantVerifier, node: Node | undefined): MeshGrant {
  const token = node?.metadata?.['grant'];
  if (typeof token !== 'string') {
    throw new AppError('UNAUTHENTICATED', 'The client shows no grant in its node metadata');
  }
  return verifier.open(meshGrant, token);
}

function dialectOf(node: Node | undefined): Dialect {
  return /^grpc/i.test(node?.userAgentName ?? '') ? 'grpc' : 'envoy';
}
