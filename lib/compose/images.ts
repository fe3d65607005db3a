import type { DraftProtocol } from './draft.ts';

const databases =
  /^(mysql|mariadb|percona|percona-server|mysql-server|mysql-cluster|postgres|postgresql|postgis|timescaledb(-ha)?|pgvector|mongo|mongodb|mongodb-community-server|redis|redis-stack(-server)?|valkey|keydb|dragonfly|memcached|etcd|zookeeper|kafka|cp-kafka|redpanda|rabbitmq|nats|activemq(-artemis)?|pulsar|elasticsearch|opensearch|solr|consul|vault|cockroach|cockroachdb|tidb|tikv|cassandra|scylla|couchdb|couchbase|influxdb|clickhouse(-server)?|neo4j|arangodb|oracle-xe|oracle-free|mssql-server|server-mssql|minio|meilisearch|typesense|qdrant|weaviate|milvus|victoria-metrics|prometheus)$/;

/** True for images that keep data of their own, by the last part of their name. */
export function isDatabase(image: string): boolean {
  const name = (image.split('@')[0] as string).split('/').at(-1)?.split(':')[0] ?? '';
  return databases.test(name.toLowerCase());
}

/** Ports that are known to carry something else than HTTP. */
const tcpPorts = new Set([
  21, 22, 23, 25, 53, 88, 110, 143, 389, 465, 587, 636, 873, 993, 995, 1080, 1433, 1521, 1883, 2181, 2379,
  2380, 2888, 3306, 3307, 3389, 3888, 4222, 4444, 5222, 5432, 5433, 5671, 5672, 5900, 6222, 6379, 6380, 6432,
  6650, 7000, 7001, 7687, 8883, 9042, 9092, 9093, 9094, 9160, 9300, 11211, 11212, 16379, 19530, 26257, 26379,
  27017, 27018, 27019, 33060, 61613, 61616,
]);

/** What a TCP port likely carries. */
export function guessProtocol(port: number): DraftProtocol {
  if (port === 50051) return 'GRPC';
  return tcpPorts.has(port) ? 'TCP' : 'HTTP';
}

/** An image reference (distribution/reference), not a flag or a word with spaces. */
export const imagePattern =
  /^(?:(?:[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;
