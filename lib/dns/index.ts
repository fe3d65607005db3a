export {
  codes,
  parseQuery,
  renderReply,
  type DnsQuery,
  type DnsRecord,
  type DnsReply,
  type RecordData,
} from './message.ts';
export { startDnsServer, type DnsClient, type DnsHandler, type DnsServerOptions } from './server.ts';
export { walkRecords, type WireRecord } from './wire.ts';
export { Zone, ZoneSet, type ZoneAnswer, type ZoneData, type ZoneRecord } from './zone.ts';
