import { inherited, member, type Policies, type RequestContext } from '@skyarc/server/host';

const ofGroup = async (id: string, { directory }: RequestContext) => {
  const group = await directory.findGroup(id);
  return group && { id: group.teamId };
};
const groupDeveloper = member(
  'DEVELOPER',
  (_parent: unknown, args: { input: { groupId: string } }, context: RequestContext) =>
    ofGroup(args.input.groupId, context),
);
const fields = (names: string): Policies[string] =>
  Object.fromEntries(names.split(' ').map((name) => [name, inherited]));

/** A preview tells which names the team has taken, so it is for those who make apps, too. */
export const importPolicies: Policies = {
  Query: {
    previewImport: groupDeveloper,
    exportTemplate: member(
      'DEVELOPER',
      (_parent: unknown, args: { groupId: string }, context: RequestContext) =>
        ofGroup(args.groupId, context),
    ),
  },
  Mutation: { importApps: groupDeveloper },
  ImportPreview: fields('apps notes ready'),
  ImportedDraft: fields(
    'service name line image buildFrom workload replicas cpuMillis memoryMb ports env volumes dependsOn entrypoint command healthCommand',
  ),
  ImportNote: fields('level line service message'),
  ImportedPort: fields('port protocol public'),
  ImportedVolume: fields('name kind mountPath readOnly fromApp'),
  ImportedApps: fields('apps operations notes'),
};
