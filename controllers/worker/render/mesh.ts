import { type MeshGrant, meshKey, meshLabel, meshObjectName, type MeshSpec } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { GrantSigner } from '@skyarc/lib/signed-grant';
import { labelsOf } from './labels.ts';
import type { RenderOptions, RunSpec } from './run-spec.ts';

const bootstrapKey = 'bootstrap';
/** 9999-12-31: the grant ends with the app's mesh, not by time, since pods cannot be given another one. */
const never = 253_402_214_400_000;

/** What discovery tells the app's clients; a change of it changes no pod. */
export function renderMeshRules(spec: RunSpec, { mesh }: RenderOptions): KindTable['configmaps'] | null {
  if (!spec.mesh || !mesh) return null;
  const { id, name, team, namespace } = spec;
  const told: MeshSpec = { appId: id, team, app: name, rules: [...spec.mesh.rules] };
  return {
    metadata: {
      name: meshObjectName(name),
      namespace,
      labels: { ...labelsOf(spec), [meshLabel]: id },
    },
    data: { [meshKey]: JSON.stringify(told) },
  };
}

/** How the app's clients find discovery and show who they are (gRPC's bootstrap, gRFC A27 and A30). */
export function renderMeshSecret(spec: RunSpec, { mesh }: RenderOptions): KindTable['secrets'] | null {
  if (!spec.mesh || !mesh) return null;
  const { id, name, namespace } = spec;
  const grant: MeshGrant = { use: 'mesh', appId: id, namespace, expiresAt: never };
  const bootstrap = {
    xds_servers: [
      { server_uri: mesh.address, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] },
    ],
    node: {
      id: `${namespace}/${name}`,
      cluster: name,
      locality: {},
      metadata: { grant: new GrantSigner(mesh.grantKey).sign(grant) },
    },
  };
  return {
    metadata: { name: meshObjectName(name), namespace, labels: labelsOf(spec) },
    type: 'Opaque',
    data: { [bootstrapKey]: Buffer.from(JSON.stringify(bootstrap)).toString('base64') },
  };
}

/** The variable by which gRPC's libraries find it. */
export function meshVariablesOf(
  spec: RunSpec,
  { mesh }: RenderOptions,
): { name: string; valueFrom: { secretKeyRef: { name: string; key: string } } }[] {
  if (!spec.mesh || !mesh) return [];
  const secretKeyRef = { name: meshObjectName(spec.name), key: bootstrapKey };
  return [{ name: 'GRPC_XDS_BOOTSTRAP_CONFIG', valueFrom: { secretKeyRef } }];
}
