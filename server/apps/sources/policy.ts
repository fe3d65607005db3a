import { inherited, member, type Policies, viewer } from '@skyarc/server/host';

const teamDeveloper = member('DEVELOPER', (_parent, args: { input: { teamId: string } }) => ({
  id: args.input.teamId,
}));
const ownerDeveloper = member('DEVELOPER', async (_parent, args: { id: string }, context) => {
  const name = await context.dataCenters.findOwner(args.id);
  return name === null ? null : { name };
});
const inheritedFields = (names: string): Policies[string] =>
  Object.fromEntries(names.split(' ').map((name) => [name, inherited]));

/** Data centres answer reads only for the viewer's teams; what is fetched or kept is for those who make apps. */
export const sourcePolicies: Policies = {
  Query: { examination: viewer, upload: viewer },
  Mutation: {
    examineSource: teamDeveloper,
    createUpload: teamDeveloper,
    saveRegistryCredential: teamDeveloper,
    deleteRegistryCredential: ownerDeveloper,
  },
  Team: { registryCredentials: member('DEVELOPER', (parent: { id: string }) => ({ id: parent.id })) },
  Examination: inheritedFields(
    'id status message log revision found modules problems createdAt finishedAt expiresAt',
  ),
  FoundSettings: inheritedFields(
    'buildpack language reason version workload memoryMb ports env volumes processes',
  ),
  FoundPort: inheritedFields('port protocol reason'),
  FoundVariable: inheritedFields('name value reason'),
  FoundVolume: inheritedFields('mountPath reason'),
  FoundProcess: inheritedFields('name command'),
  FoundModule: inheritedFields('name path packaging reason'),
  FoundProblem: inheritedFields('severity message advice'),
  Upload: inheritedFields('id fileName status sizeBytes sha256 createdAt'),
  UploadGrant: inheritedFields('id url expiresAt maxBytes'),
  RegistryCredential: inheritedFields('id host username createdAt dataCenter'),
};
