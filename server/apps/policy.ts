import { admin, inherited, member, type Policies, type RequestContext, viewer } from '@skyarc/server/host';

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
const groupDeveloper = member('DEVELOPER', (_parent, args: { groupId: string }, context) =>
  ofGroup(args.groupId, context),
);
const teamDeveloper = member('DEVELOPER', (_parent, args: { input: { teamId: string } }) => ({
  id: args.input.teamId,
}));
const ofOwned = async (id: string, { dataCenters }: RequestContext) => {
  const name = await dataCenters.findOwner(id);
  return name === null ? null : { name };
};
const ownerDeveloper = member('DEVELOPER', (_parent, args: { id: string }, context) =>
  ofOwned(args.id, context),
);

/** Data centres answer reads only for the viewer's teams, so a read of one thing needs no rule of its own. */
export const policies: Policies = {
  Query: {
    app: viewer,
    operation: viewer,
    build: viewer,
    explainRequest: member('VIEWER', (_parent, args: { teamId: string }) => ({ id: args.teamId })),
    quotas: admin,
  },
  Mutation: {
    createApp: member('DEVELOPER', (_parent, args: { input: { groupId: string } }, context) =>
      ofGroup(args.input.groupId, context),
    ),
    updateApp: developer,
    setMesh: developer,
    deployApp: developer,
    rebaseApp: developer,
    createSlugDownload: member('DEVELOPER', (_parent, args: { versionId: string }, context) =>
      ofOwned(args.versionId, context),
    ),
    startApp: developer,
    stopApp: developer,
    restartApp: developer,
    rollbackApp: developer,
    scaleApp: developer,
    deleteApp: developer,
    runApp: developer,
    startGreyRelease: developer,
    updateGreyRelease: developer,
    promoteGreyRelease: developer,
    abortGreyRelease: developer,
    startGroup: groupDeveloper,
    stopGroup: groupDeveloper,
    restartGroup: groupDeveloper,
    deployGroup: groupDeveloper,
    saveConfigSet: member('DEVELOPER', (_parent, args: { input: { groupId: string } }, context) =>
      ofGroup(args.input.groupId, context),
    ),
    deleteConfigSet: ownerDeveloper,
    savePlugin: teamDeveloper,
    deletePlugin: ownerDeveloper,
    uploadCertificate: teamDeveloper,
    orderCertificate: teamDeveloper,
    renewCertificate: ownerDeveloper,
    deleteCertificate: ownerDeveloper,
    setQuota: admin,
    cancelOperation: member('DEVELOPER', ofOperation),
  },
  Subscription: {
    appChanged: member('VIEWER', ofApp),
    operationChanged: member('VIEWER', ofOperation),
    teamOperationsChanged: member('VIEWER', (_parent, args: { teamId: string }) => ({ id: args.teamId })),
  },
  Team: {
    id: inherited,
    apps: team,
    operations: team,
    sshPublicKey: team,
    plugins: team,
    certificates: team,
    quotas: team,
    l4Ports: team,
  },
  Group: { id: inherited, apps: group, configSets: group },
  DataCenter: { name: inherited },
  App: allInherited(
    'id group team dataCenter name displayName createdAt state stateReason source build run readyReplicas pods ports routes env effectiveEnv volumes dependencies dependents mesh plugins configSetIds l4Routes greyRelease scalings jobRuns traffic currentVersion versions builds activeOperation operations',
  ),
  Build: allInherited(
    'id app number status buildpack reason commitId commitMessage commitAuthor message proof phases layers sentBytes',
    'cacheBytes cacheLimitBytes createdAt startedAt finishedAt version previousVersion',
  ),
  Operation: allInherited(
    'id app appName team kind status actor message build version cancelRequested afterIds batchId steps createdAt startedAt finishedAt',
  ),
  Version: allInherited(
    'id number image sizeBytes commitId commitMessage createdAt deployedAt isBaseOutdated',
  ),
  ImageLayer: allInherited('kind name digest sizeBytes isFromCache'),
  SlugDownload: allInherited('url fileName'),
  CreateAppPayload: allInherited('app operation'),
  AppSource: allInherited(
    'kind url branch refKind revision subdirectory image uploadId fileName template endpoints healthCheck hasCredentials',
  ),
  BuildSettings: allInherited(
    'buildpack module command start dockerfile target documentRoot args env cpuMillis memoryMb diskMb timeoutSeconds',
  ),
  RunSettings: allInherited(
    'workload replicas cpuMillis memoryMb cpuRequestMillis memoryRequestMb command entrypoint workingDir user healthPath startTimeoutSeconds probes placement rollout job autoscaling',
  ),
  Pod: allInherited('name status ready restarts versionId node startedAt lastEnd'),
  Port: allInherited('port protocol public detected url internalAddress alias'),
  Route: allInherited('id host path port url enabled policy basicAuthUsers certificateId'),
  EnvVar: allInherited('name value secret scope'),
  OperationStep: allInherited('name status message startedAt finishedAt'),
  OperationPage: allInherited('items next'),
  AppChange: allInherited('app operation'),
  ExternalEndpoint: allInherited('host port healthy message'),
  Probes: allInherited('startup readiness liveness'),
  Probe: allInherited(
    'kind port path headers command service initialDelaySeconds periodSeconds timeoutSeconds successThreshold failureThreshold',
  ),
  HttpHeader: allInherited('name value'),
  Placement: allInherited('nodes nearApps awayFromApps spread labels'),
  Label: allInherited('key value'),
  NodeRule: allInherited('key operator values required'),
  Rollout: allInherited('strategy maxSurge maxUnavailable terminationGraceSeconds'),
  JobSettings: allInherited(
    'schedule timeZone concurrency suspended completions parallelism retries deadlineSeconds keepSucceeded keepFailed nextRunAt',
  ),
  ScalingMetric: allInherited('kind target current'),
  Autoscaling: allInherited('enabled minReplicas maxReplicas metrics scaleDownDelaySeconds'),
  ScalingRecord: allInherited('at fromReplicas toReplicas automatic reason'),
  JobRun: allInherited('id name scheduled status message startedAt finishedAt'),
  Volume: allInherited(
    'id name kind mountPath readOnly sizeMb storageClass accessMode content fileMode sourceId usedBytes usedAt status',
  ),
  Dependency: allInherited('app variables'),
  Mesh: allInherited('rules refusal'),
  MeshRefusal: allInherited('at kind message'),
  MeshRule: allInherited('appId timeoutMs retries limits outlierDetection routes'),
  MeshRetries: allInherited('attempts perTryTimeoutMs on'),
  MeshLimits: allInherited('maxConnections maxRequests'),
  MeshOutlierDetection: allInherited(
    'failurePercent minimumRequests intervalMs ejectionMs maxEjectionPercent',
  ),
  MeshRoute: allInherited('headers targets'),
  MeshHeader: allInherited('name exact prefix'),
  MeshTarget: allInherited('appId candidate instance weight'),
  EffectiveEnvVar: allInherited('name value secret origin originName'),
  ConfigSet: allInherited('id groupId name enabled entries apps'),
  ConfigSetChange: allInherited('configSet operations'),
  Plugin: allInherited('id name kind description versions apps dataCenter'),
  PluginVersion: allInherited('number image app command fields cpuMillis memoryMb createdAt'),
  PluginField: allInherited('name description defaultValue secret'),
  AppPlugin: allInherited('plugin version enabled config cpuMillis memoryMb'),
  GreyRelease: allInherited('version percent sticky header cookie replicas readyReplicas'),
  Certificate: allInherited(
    'id name source hosts issuer notBefore notAfter status message expiresSoon routeIds dataCenter',
  ),
  QuotaUse: allInherited('team teamName dataCenter cpuMillis memoryMb storageMb apps'),
  QuotaLimit: allInherited('limit used'),
  RouteTraffic: allInherited('host path routeId requestsPerSecond errorRate p50 p95 p99'),
  L4Route: allInherited('id protocol listenPort port address'),
  L4Ports: allInherited('first last nextTcp nextUdp routes'),
  RequestExplanation: allInherited('app routeId host path reasons targets'),
  ExplainedTarget: allInherited('app versionId service port percent endpoints'),
  RoutePolicy: allInherited(
    'pathType match split rewrite redirect requestHeaders responseHeaders upstreamHost timeouts maxBodyBytes buffering rateLimit connectionLimit ipAllow ipDeny basicAuthRealm cors httpsRedirect hsts protocol stickySession balance retries compress',
  ),
  RouteMatch: allInherited('headers cookies query methods'),
  MatchCondition: allInherited('name op value'),
  RouteSplit: allInherited('targets sticky'),
  SplitTarget: allInherited('appId port weight match'),
  SplitSticky: allInherited('by cookieName ttlSeconds'),
  RouteRewrite: allInherited('kind pattern replacement'),
  RouteRedirect: allInherited('scheme host port path status'),
  HeaderEdits: allInherited('set add remove'),
  RouteTimeouts: allInherited('connectSeconds sendSeconds readSeconds'),
  RouteBuffering: allInherited('request response'),
  KeyOf: allInherited('by name'),
  RateLimit: allInherited('requests perSeconds burst key status'),
  ConnectionLimit: allInherited('perIp total status'),
  Cors: allInherited('origins originPatterns methods headers exposeHeaders credentials maxAgeSeconds'),
  Hsts: allInherited('maxAgeSeconds includeSubDomains preload'),
  StickySession: allInherited('cookieName ttlSeconds'),
  Balance: allInherited('kind of'),
  Retries: allInherited('tries timeoutMs on'),
};

function allInherited(...fields: readonly string[]): Policies[string] {
  return Object.fromEntries(fields.flatMap((names) => names.split(' ')).map((name) => [name, inherited]));
}
