import { type ClientDuplexStream, credentials, Client } from '@grpc/grpc-js';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AggregatedDiscoveryService,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '@skyarc/lib/contracts/generated/envoy/service/discovery/v3/discovery_pb.js';

type Sent = MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

const { parent, name } = AggregatedDiscoveryService.method.deltaAggregatedResources;

/** One stream of discovery by gRPC's own client, with a connection of its own, which takes whatever it is told. */
export class XdsClient {
  private readonly client: Client;
  private readonly stream: ClientDuplexStream<Sent, DeltaDiscoveryResponse>;

  constructor(address: string, first: Sent, onReceipt: (response: DeltaDiscoveryResponse) => void) {
    this.client = new Client(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    this.stream = this.client.makeBidiStreamRequest<Sent, DeltaDiscoveryResponse>(
      `/${parent.typeName}/${name}`,
      (init) => Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init))),
      (bytes) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
    );
    this.stream.on('data', (response: DeltaDiscoveryResponse) => {
      onReceipt(response);
      this.stream.write({ typeUrl: response.typeUrl, responseNonce: response.nonce });
    });
    // It ends with the measurement.
    this.stream.on('error', () => undefined);
    this.stream.write(first);
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }
}
