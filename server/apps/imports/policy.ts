import { inherited, member, type Policies, type RequestContext } from '@skyarc/server/host';

const groupDeveloper = member(
  'DEVELOPER',
  async (_parent: unknown, args: { input: { groupId: string } }, { directory }: RequestContext) => {
    const group = await directory.findGroup(args.input.groupId);
    return group && { id: group.teamId };
  },
);
const fields = (names: string): Policies[string] =>
  Object.fromEntries(names.split(' ').map((name) => [name, inherited]));

/** A preview tells which names the team has taken, so it is for those who make apps, too. */
export const importPolicies: Policies = {
  Query: { previewImport: groupDeveloper },
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
