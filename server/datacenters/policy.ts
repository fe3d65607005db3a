import { admin, inherited, type Policies, viewer } from '@skyarc/server/host';

export const policies: Policies = {
  Query: { dataCenters: viewer },
  Mutation: {
    updateDataCenter: admin,
    cordonNode: admin,
    uncordonNode: admin,
    drainNode: admin,
    updateNode: admin,
    replayDeadLetters: admin,
    discardDeadLetters: admin,
    updateQueueTopic: admin,
    deleteQueueGroup: admin,
  },
  DataCenter: {
    name: viewer,
    displayName: viewer,
    info: viewer,
    settings: admin,
    storageClasses: viewer,
    nodes: admin,
    queueTopics: admin,
    deadLetters: admin,
    dns: admin,
  },
  DataCenterInfo: {
    version: inherited,
    domain: inherited,
    gatewayHttpPort: inherited,
    gatewayHttpsPort: inherited,
    kubernetesVersion: inherited,
    nodes: inherited,
    services: inherited,
  },
  NodeInfo: { name: inherited, ready: inherited, cpuMillis: inherited, memoryMb: inherited },
  ServiceHealth: { name: inherited, healthy: inherited, message: inherited },
  DataCenterSettings: {
    allowPrivateSources: inherited,
    cpuRequestPercent: inherited,
    memoryRequestPercent: inherited,
    acmeDirectoryUrl: inherited,
    acmeEmail: inherited,
  },
  StorageClass: { name: inherited, accessModes: inherited, resizable: inherited, isDefault: inherited },
  Node: allInherited(
    'name state reason since schedulable cordoned drain roles labels conditions addresses isMaster reportedAt cpuMillis memoryMb maxPods reservedCpuMillis reservedMemoryMb use system kernel architecture containerRuntime kubeletVersion exporterUrl pods services record',
  ),
  DnsServer: allInherited(
    'address problem zones gateways questions questionsPerSecond failures clusterSilenceSeconds',
  ),
  DnsZone: allInherited('origin internal wildcard names serial'),
  DnsGateway: allInherited('address alive'),
  DnsFailure: allInherited('name type reason count lastAt'),
  QueueTopic: allInherited('name messages bytes oldestSeconds publishedLastMinute deadLetters limits groups'),
  QueueLimits: allInherited('maxMessages maxBytes retainSeconds retainMessages retainBytes'),
  QueueGroup: allInherited('name waiting inFlight oldestSeconds consumers mostAttempts'),
  DeadLetterPage: allInherited('letters more'),
  DeadLetter: allInherited('sequence messageId key body publishedAt diedAt group reason attempts'),
  NodeDrain: allInherited('phase startedAt startedBy remaining blockers finishedAt'),
  NodeLabel: allInherited('key value'),
  NodeUse: allInherited('load cpus memoryMb memoryUsedMb diskMb diskUsedMb uptimeSeconds'),
  NodeCondition: allInherited('type active good message since'),
  NodePod: allInherited('namespace name teamName appName phase ready'),
  NodeService: allInherited('name healthy message checkedAt restarts'),
  NodeRecordEntry: allInherited('at subject what why'),
};

function allInherited(fields: string): Policies[string] {
  return Object.fromEntries(fields.split(' ').map((field) => [field, inherited]));
}
