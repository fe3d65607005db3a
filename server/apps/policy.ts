import { inherited, member, type Policies, type RequestContext, viewer } from '@skyarc/server/host';

const ofApp = async (_parent: unknown, args: { id: string }, { dataCenters }: RequestContext) => {
  const name = await dataCenters.findAppTeam(args.id);
  return name === null ? null : { name };
};
const ofOperation = async (_parent: unknown, args: { id: string }, { dataCenters }: RequestContext) => {
  const operation = await dataCenters.findOperation(args.id);
  return operation && { name: operation.teamName };
};
const ofGroup = async (id: string, { directory }: RequestContext) => {
  const group = await directory.findGroup(id);
  return group && { id: group.teamId };
};
const team = member('VIEWER', (parent: { id: string }) => ({ id: parent.id }));
const group = member('VIEWER', (parent: { id: string }, _args, context) => ofGroup(parent.id, context));
const developer = member('DEVELOPER', ofApp);

/** Data centres answer reads only for the viewer's teams, so a read of one thing needs no rule of its own. */
export const policies: Policies = {
  Query: { app: viewer, operation: viewer, build: viewer },
  Mutation: {
    createApp: member('DEVELOPER', (_parent, args: { input: { groupId: string } }, context) =>
      ofGroup(args.input.groupId, context),
    ),
    updateApp: developer,
    deployApp: developer,
    startApp: developer,
    stopApp: developer,
    restartApp: developer,
    rollbackApp: developer,
    scaleApp: developer,
    deleteApp: developer,
    cancelOperation: member('DEVELOPER', ofOperation),
  },
  Subscription: {
    appChanged: member('VIEWER', ofApp),
    operationChanged: member('VIEWER', ofOperation),
    teamOperationsChanged: member('VIEWER', (_parent, args: { teamId: string }) => ({ id: args.teamId })),
  },
  Team: { id: inherited, apps: team, operations: team, sshPublicKey: team },
  Group: { id: inherited, apps: group },
  DataCenter: { name: inherited },
  App: allInherited(
    'id group team dataCenter name displayName createdAt state stateReason source build run readyReplicas pods ports',
    'routes env currentVersion versions builds activeOperation operations',
  ),
  Build: allInherited(
    'id app number status buildpack reason commitId commitMessage commitAuthor message createdAt startedAt',
    'finishedAt version',
  ),
  Operation: allInherited(
    'id app appName team kind status actor message build version cancelRequested steps createdAt startedAt finishedAt',
  ),
  Version: allInherited('id number image sizeBytes commitId commitMessage createdAt deployedAt'),
  CreateAppPayload: allInherited('app operation'),
  AppSource: allInherited('kind url branch subdirectory template hasCredentials'),
  BuildSettings: allInherited('buildpack cpuMillis memoryMb diskMb timeoutSeconds'),
  RunSettings: allInherited('workload replicas cpuMillis memoryMb command healthPath startTimeoutSeconds'),
  Pod: allInherited('name status ready restarts versionId node startedAt lastEnd'),
  Port: allInherited('port protocol public detected url internalAddress'),
  Route: allInherited('id host path port url'),
  EnvVar: allInherited('name value secret'),
  OperationStep: allInherited('name status message startedAt finishedAt'),
  OperationPage: allInherited('items next'),
  AppChange: allInherited('app operation'),
};

function allInherited(...fields: readonly string[]): Policies[string] {
  return Object.fromEntries(fields.flatMap((names) => names.split(' ')).map((name) => [name, inherited]));
}
