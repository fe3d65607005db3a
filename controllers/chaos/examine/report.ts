import type { ExaminationResult, FoundProblem, FoundSettings } from '@skyarc/lib/contracts';
import type { RemoteImage } from '@skyarc/lib/remote-registry';
import { defaultPort } from '../buildpacks/buildpack.ts';
import type { Examination } from '../buildpacks/examine.ts';
import type { Found } from '../buildpacks/found.ts';
import { factsOf, type ImageFacts } from '../sources/image.ts';

type Findings = Pick<ExaminationResult, 'found' | 'modules' | 'problems'>;

const usualMemoryMb = 512;
/** A JVM takes that much before the app does anything. */
const javaMemoryMb = 1_024;

/** Images that keep data and are one of a kind, by the last part of their name (the original's list). */
const stateful = new Set(
  `mysql mariadb mongo redis tidb zookeeper kafka mysqldb mongodb memcached cockroachdb cockroach etcd postgres
  postgresql elasticsearch consul percona mysql-server mysql-cluster rabbitmq minio influxdb clickhouse valkey
  opensearch nats`.split(/\s+/),
);
/** Ports by custom of protocols that are not HTTP. */
const tcpPorts = new Set([
  21, 22, 25, 1433, 1521, 1883, 2181, 2379, 2380, 3306, 4222, 5432, 5672, 6379, 9042, 9092, 9300, 11_211,
  26_257, 27_017, 33_060, 61_616,
]);

/** What files would become, in the words of the API. */
export function reportOfFiles(seen: Examination): Findings {
  const { buildpack, found, reason } = seen;
  return {
    found: found && {
      buildpack,
      ...settingsOf(found, reason, buildpack === 'dockerfile' ? [] : [defaultPort]),
    },
    modules: seen.modules.map(({ name, path, kind }) => ({ name, path, packaging: kind, reason: kind })),
    problems: [
      ...(seen.problem === null ? [] : [problem('ERROR', seen.problem)]),
      ...seen.warnings.map((warning) => problem('WARNING', warning)),
    ],
  };
}

function settingsOf(
  found: Found,
  reason: string,
  usualPorts: readonly number[],
): Omit<FoundSettings, 'buildpack'> {
  const ports = found.ports.length > 0 ? found.ports : usualPorts;
  const isJava = /java/i.test(found.language);
  const names = Object.keys(found.processes).toSorted((a, b) => Number(b === 'web') - Number(a === 'web'));
  return {
    language: found.language,
    reason,
    version: found.version,
    workload: 'STATELESS',
    memoryMb: found.memoryMb ?? (isJava ? javaMemoryMb : usualMemoryMb),
    ports: ports.map((port) => ({
      port,
      protocol: found.protocols[port] ?? 'HTTP',
      reason: found.ports.length > 0 ? reason : 'nothing names another one; the app is told it by PORT',
    })),
    env: Object.entries(found.env).map(([name, value]) => ({ name, value, reason })),
    volumes: found.volumes.map((mountPath) => ({ mountPath, reason })),
    processes: names.map((name) => ({ name, command: found.processes[name] ?? '' })),
  };
}

/** What an image would become. */
export function reportOfImage(image: RemoteImage, text: string): Findings {
  const facts = factsOf(image);
  const { repository, tag } = image.reference;
  const isStateful = stateful.has(repository.split('/').at(-1) ?? '');
  const found: FoundSettings = {
    buildpack: null,
    language: 'Image',
    reason: text,
    version: tag,
    workload: isStateful ? 'STATEFUL' : 'STATELESS',
    memoryMb: usualMemoryMb,
    ports: facts.ports.map(({ port, protocol }) => ({
      port,
      protocol: protocol === 'udp' ? 'UDP' : tcpPorts.has(port) ? 'TCP' : 'HTTP',
      reason: 'EXPOSE of the image',
    })),
    env: Object.entries(facts.env)
      .filter(([name]) => name !== 'PATH')
      .map(([name, value]) => ({ name, value, reason: 'ENV of the image' })),
    volumes: facts.volumes.map((mountPath) => ({ mountPath, reason: 'VOLUME of the image' })),
    processes: facts.command.length > 0 ? [{ name: 'web', command: facts.command.join(' ') }] : [],
  };
  return { found, modules: [], problems: problemsOf(facts) };
}

function problemsOf({ command, ports }: ImageFacts): FoundProblem[] {
  const none = command.length === 0;
  return [
    ...(none
      ? [
          problem(
            'WARNING',
            'The image has no command',
            'Set the command in the run settings, so that it can start',
          ),
        ]
      : []),
    ...(ports.length === 0
      ? [problem('WARNING', 'The image names no port', 'Add the port that it listens on, if there is one')]
      : []),
  ];
}

/** Something that is wrong with a source, or likely not meant so. */
export function problem(
  severity: FoundProblem['severity'],
  message: string,
  advice: string | null = null,
): FoundProblem {
  return { severity, message, advice };
}
