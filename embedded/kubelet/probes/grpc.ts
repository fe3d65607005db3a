import { fileURLToPath } from 'node:url';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  status as grpcStatus,
  type Client,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { uriHost } from '@skyarc/lib/address';

interface HealthClient extends Client {
  Check(
    request: { service: string },
    metadata: Metadata,
    options: { deadline: Date },
    callback: (error: ServiceError | null, answer?: { status: string }) => void,
  ): void;
}

const file = fileURLToPath(new URL('health.proto', import.meta.url));
const loaded = loadPackageDefinition(loadSync(file, { enums: String, defaults: true })) as unknown as {
  grpc: { health: { v1: { Health: ServiceClientConstructor } } };
};
const { Health } = loaded.grpc.health.v1;

export interface GrpcProbeInput {
  readonly host: string;
  readonly port: number;
  /** Empty asks for the server as a whole. */
  readonly service: string;
  readonly timeoutMs: number;
}

/** Asks a server by the gRPC health checking protocol, without TLS; undefined when it serves, else why not. */
export async function probeGrpc(input: GrpcProbeInput): Promise<string | undefined> {
  const address = `${uriHost(input.host)}:${input.port}`;
  const options = {
    'grpc.primary_user_agent': 'kube-probe/1.32',
    'grpc.enable_http_proxy': 0,
    // Each probe is to meet the server as it is now, not a connection of an earlier one.
    'grpc.use_local_subchannel_pool': 1,
  };
  const client = new Health(address, credentials.createInsecure(), options) as unknown as HealthClient;
  try {
    return await new Promise((resolve) => {
      const deadline = new Date(Date.now() + input.timeoutMs);
      client.Check({ service: input.service }, new Metadata(), { deadline }, (error, answer) =>
        resolve(error ? explain(error, address, input.timeoutMs) : judge(answer?.status ?? 'UNKNOWN')),
      );
    });
  } finally {
    client.close();
  }
}

function judge(status: string): string | undefined {
  return status === 'SERVING' ? undefined : `service unhealthy (responded with "${status}")`;
}

function explain({ code, details }: ServiceError, address: string, timeoutMs: number): string {
  if (code === grpcStatus.UNIMPLEMENTED) {
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details}`;
  }
  if (code === grpcStatus.DEADLINE_EXCEEDED) {
    return `timeout: health rpc did not complete within ${timeoutMs / 1_000}s`;
  }
  if (code === grpcStatus.UNAVAILABLE) return `error: failed to connect service "${address}": ${details}`;
  return `error: health rpc probe failed: ${details}`;
}
